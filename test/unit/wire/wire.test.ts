/**
 * Verifies: names that processes and machines must agree on are written once, in shared/wire.ts.
 * Setup: every source line of the repository except comments, searched for each value.
 * Fails if: a path, header, event, channel or close code is written again as a literal, where a rename would miss it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as wire from '../../../shared/wire.ts';
import { codeLines } from '../source-lines.ts';

const HOME = 'shared/wire.ts';

/** Values that are also ordinary words, with the contexts in which they are the wire name. */
const IN_CONTEXT: Readonly<Record<string, RegExp>> = {
  // Also an error code (and a key of the table of HTTP statuses).
  [wire.PAYMENT_REQUIRED_HEADER]:
    /(get\(|(?<!STATUS)\[|headerOf\([^)]*)'payment-required'|(?<!case )'payment-required':\s*[^\d\s]/,
  // Also the beginning of other programs' paths.
  [wire.API_SOCKET_PATH]: /['"`]\/api['"`]/,
  // Also a reason for which a receipt fails verification.
  [wire.PAYMENT_RESPONSE_HEADER]:
    /(get\(|\[|header\w*\([^)]*)'payment-response'|(?<!case )'payment-response':/i,
  // Also the name of the page's bridge and the host of app://.
  [wire.SUBPROTOCOL]: /WebSocket\([^;]*\[\s*'idlewatt'|(has|protocols?)\w*\(\s*'idlewatt'/i,
  [wire.TOKEN_PREFIX]: /'token\.'|`token\.\$/,
  [wire.READY_PREFIX]: /['"`]READY /,
};

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** The value between quotes or the edges of a template's placeholders. */
function patternFor(value: string | number): RegExp {
  if (typeof value === 'number') return new RegExp(`\\b${value}\\b`);
  return IN_CONTEXT[value] ?? new RegExp(`['"\`}/]${escaped(value)}['"\`$/?]`, 'i');
}

function values(): (string | number)[] {
  return Object.values(wire).flatMap((value) => {
    if (typeof value === 'function') return [];
    return typeof value === 'object' ? Object.values(value) : [value];
  });
}

test('each wire name is a literal in shared/wire.ts only', () => {
  const patterns = values().map((value) => ({ value, pattern: patternFor(value) }));
  const copies = codeLines().flatMap(({ file, line, text }) =>
    file === HOME || file.startsWith('test/unit/wire/')
      ? []
      : patterns
          .filter(({ pattern }) => pattern.test(text))
          .map(({ value }) => `${file}:${line} repeats ${value}`),
  );
  assert.deepEqual(copies, []);
});

test('no two names are equal', () => {
  assert.equal(new Set(values()).size, values().length);
});

/**
 * Verifies: no text that an installed app shows names npm, which its user doesn't have.
 * Setup: every string, and the sentence for an internal error.
 * Fails if: a text advises a command of the checkout, other than those for agents without the desktop app.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internalErrorMessage } from '../../../shared/incident.ts';
import de from '../../../shared/strings/de.json' with { type: 'json' };
import en from '../../../shared/strings/en.json' with { type: 'json' };

/** Shown only where the pages come from an agent without the desktop app, which is started from a terminal. */
const HEADLESS_ONLY = ['send.confirmTerminal', 'pair.note'];

function texts(node: object, path = ''): [key: string, text: string][] {
  return Object.entries(node).flatMap(([name, value]) => {
    const key = path === '' ? name : `${path}.${name}`;
    return typeof value === 'string' ? [[key, value] as [string, string]] : texts(value, key);
  });
}

test('texts of the desktop app name no npm command', () => {
  for (const catalog of [en, de]) {
    const named = texts(catalog).filter(([, text]) => /\bnpm\b/.test(text));
    assert.deepEqual(
      named.map(([key]) => key).filter((key) => !HEADLESS_ONLY.includes(key)),
      [],
    );
  }
  assert.doesNotMatch(internalErrorMessage('1a2b'), /npm/);
});

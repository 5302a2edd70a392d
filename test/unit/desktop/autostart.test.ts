// Verifies: the app that starts with the system gets the options of the run that turned autostart on.
// Setup: generated options, the entries of each system, and a reader of each format written by its specification.
// Fails if: an option is lost, a path depends on the working directory, or a space, quote, percent sign or backslash
//   changes the command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { desktopEntry, launchAgent, windowsArgument } from '../../../main/desktop/autostart-entries.ts';
import { readLaunchOptions } from '../../../main/desktop/launch-options.ts';
import { writeArguments } from '../../../shared/command-line.ts';

const PROGRAM = '/opt/Idlewatt app/idlewatt';
const argument = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(' ', '"', '\\', '$', '`', '%', "'", '\n', '\t', 'a') }),
);

/** Desktop Entry Specification 1.5: the escapes of strings first, then quoting and field codes of Exec. */
function readExec(entry: string): string[] {
  const line = entry.split('\n').find((each) => each.startsWith('Exec=')) ?? assert.fail('no Exec');
  const escapes: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' };
  const value = line
    .slice('Exec='.length)
    .replaceAll(/\\(.)/g, (_, name: string) => escapes[name] ?? assert.fail());
  const found = [...value.matchAll(/"((?:[^"\\]|\\["`$\\])*)"( |$)/g)];
  assert.equal(found.map(([whole]) => whole).join(''), value, 'nothing stands outside of quotes');
  return found.map(([, quoted = '']) => quoted.replaceAll(/\\(.)/gs, '$1').replaceAll('%%', '%'));
}

/** CommandLineToArgvW, for what follows the program. */
function readWindows(line: string): string[] {
  const found: string[] = [];
  let current: string | null = null;
  let inQuotes = false;
  for (const [, backslashes = '', other = ''] of line.matchAll(/(\\*)([^\\]|$)/gs)) {
    const isQuote = other === '"';
    if (backslashes)
      current = (current ?? '') + (isQuote ? '\\'.repeat(backslashes.length >> 1) : backslashes);
    if (isQuote && backslashes.length % 2 === 0) {
      inQuotes = !inQuotes;
      current ??= '';
    } else if ((other === ' ' || other === '\t') && !inQuotes) {
      if (current !== null) found.push(current);
      current = null;
    } else if (other !== '') current = (current ?? '') + other;
  }
  return current === null ? found : [...found, current];
}

test('an XDG entry passes every argument unchanged', () => {
  fc.assert(
    fc.property(fc.array(argument), (parameters) => {
      assert.deepEqual(readExec(desktopEntry(PROGRAM, parameters)), [PROGRAM, ...parameters]);
    }),
  );
});

test('a login item on Windows passes every argument unchanged', () => {
  fc.assert(
    fc.property(fc.array(argument), (parameters) => {
      assert.deepEqual(readWindows(parameters.map(windowsArgument).join(' ')), parameters);
    }),
  );
});

test('a launch agent has every argument as a string of its own, and runs at login', () => {
  const list = launchAgent('net.idlewatt.app', [PROGRAM, '--home=/a & <b>']);
  assert.match(list, /<string>--home=\/a &amp; &lt;b&gt;<\/string>/);
  assert.match(list, /<key>RunAtLoad<\/key><true\/>/);
});

test('the login item has the options of this run, with absolute paths and the data folder of the environment', () => {
  const argv = [
    '/app',
    '--profile',
    'open',
    '--network',
    'base',
    '--passphrase-file',
    'secret file',
    '--hidden',
  ];
  const { kept } = readLaunchOptions(argv, { IDLEWATT_HOME: 'data' }, '/home/me');
  assert.deepEqual(writeArguments(kept), [
    '--home=/home/me/data',
    '--profile=open',
    '--network=base',
    '--passphrase-file=/home/me/secret file',
  ]);
});

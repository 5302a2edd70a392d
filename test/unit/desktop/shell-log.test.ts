// Verifies: the shell's log writes lines from its threshold on, with component and fields, and names each incident.
// Setup: the log with a recorded output.
// Fails if: a line below the threshold is written, `silent` writes anything, or an incident's ID isn't in its line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createShellLog } from '../../../main/desktop/shell-log.ts';
import type { LogThreshold } from '../../../shared/log.ts';

function linesAt(threshold: LogThreshold): string[] {
  const lines: string[] = [];
  const log = createShellLog(threshold, (line) => lines.push(line));
  log.debug('a step');
  log.info('started', { pid: 7 });
  log.child('tray').warn('no icon');
  log.error('failed', new Error('reason'));
  return lines;
}

test('lines have level, component and fields, and those below the threshold are dropped', () => {
  assert.equal(linesAt('debug').length, 4);
  assert.deepEqual(linesAt('info').slice(0, 2), [
    'idlewatt shell info: started {"pid":7}\n',
    'idlewatt shell.tray warn: no icon\n',
  ]);
  assert.equal(linesAt('error').length, 1);
  assert.deepEqual(linesAt('silent'), []);
});

test('an error returns the incident ID of its line', () => {
  const lines: string[] = [];
  const incident = createShellLog('info', (line) => lines.push(line)).error('failed', new Error('reason'));
  assert.match(incident, /^[0-9a-f]{8}$/);
  assert.ok(lines[0]?.includes(`"incident":"${incident}"`) && lines[0].includes('reason'));
});

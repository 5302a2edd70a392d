/**
 * Verifies: the logs of several processes come back as one story in order of time, and following them loses no
 * line, across rotations and for a process that starts later.
 * Setup: real log files with small limits, written while they are followed; the reader polls every 5 ms.
 * Fails if: a line is missing, repeated or out of order within its process, a torn line ends the reading.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followLog, hasLog, openLogFile, readLog } from '../../../main/adapters/pino/index.ts';

let folder = '';
let nowMs = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-reader-'));
  nowMs = Date.parse('2026-05-01T10:00:00Z');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (name: string, fileBytesMax = 600) =>
  openLogFile({ folder, name, level: 'debug', fileBytesMax, linesPerSecondMax: 10_000, now: () => nowMs });

test('the lines of all processes and files are merged by time', () => {
  const [agent, shell] = [open('agent').log, open('shell').log];
  const expected: string[] = [];
  for (let count = 0; count < 40; count += 1) {
    nowMs += 10;
    const isShell = count % 3 === 0;
    (isShell ? shell : agent).info(`line ${count}`, { count });
    expected.push(`${isShell ? 'shell' : 'agent'} line ${count} ${count}`);
  }
  assert.ok(readdirSync(folder).length > 4, 'several files each');
  assert.deepEqual(
    [...readLog(folder)].map(
      ({ process, message, fields }) => `${process} ${message} ${String(fields.count)}`,
    ),
    expected,
  );
});

test('torn lines and foreign files are skipped, and a missing folder is empty', () => {
  open('agent').log.info('whole');
  appendFileSync(join(folder, 'agent.log'), '{"torn":\n{"time":1}\nplain text\n');
  appendFileSync(join(folder, 'notes.txt'), '{}');
  assert.deepEqual(
    [...readLog(folder)].map(({ message }) => message),
    ['whole'],
  );
  assert.equal(hasLog(folder), true);
  assert.equal(hasLog(join(folder, 'nowhere')), false);
  assert.deepEqual([...readLog(join(folder, 'nowhere'))], []);
});

test('following yields every new line once and in order, across many rotations between two polls', async () => {
  const { log } = open('agent');
  log.info('before');
  const end = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { process, message } of followLog(folder, { signal: end.signal, pollMs: 5 })) {
      seen.push(`${process} ${message}`);
      if (message === 'last') end.abort();
    }
  })();
  await sleep(20);
  const expected: string[] = [];
  for (let count = 0; count < 200; count += 1) {
    nowMs += 1;
    log.info(`line ${count}`);
    expected.push(`agent line ${count}`);
    if (count % 25 === 0) await sleep(15);
  }
  await sleep(30);
  nowMs += 1;
  open('shell').log.info('last');
  await following;
  assert.deepEqual(seen, [...expected, 'shell last']);
});

/**
 * Verifies: while an agent writes, a command that reads the whole database uses its share of the machine and not more;
 * it takes what it can get as soon as the agent is idle, without an agent, and when the log has grown too large.
 * Setup: a database on disk, clocks that the test moves and a pause that moves them; a second connection writes. The
 * end-to-end case reads a real database with the clocks of the machine.
 * Fails if: the command computes without pauses while an agent is busy, or pauses while it is idle.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openDatabase, openForReading } from '../../../main/adapters/sqlite/index.ts';
import { createReadingPace } from '../../../main/adapters/sqlite/reading-pace.ts';
import { soldJob } from '../jobs/job-samples.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-pace-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A command that computes in pieces of 25 ms; `write` lets an agent write. */
function setUp(cores = 2) {
  const clock = { nowMs: 0, processorMs: 0, pausedMs: 0, written: 1_000 };
  writeFileSync(`${path}-wal`, 'log');
  const write = () => {
    clock.written += 1;
    utimesSync(`${path}-wal`, clock.written, clock.written);
  };
  write();
  const pace = createReadingPace({
    path,
    cores,
    now: () => clock.nowMs,
    processorMs: () => clock.processorMs,
    pause(ms) {
      clock.pausedMs += ms;
      clock.nowMs += ms;
    },
  });
  const compute = () => {
    clock.nowMs += 25;
    clock.processorMs += 25;
    pace();
  };
  return { clock, write, compute };
}

test('a command uses a fiftieth of all cores while an agent writes', () => {
  for (const cores of [1, 2, 16]) {
    const { clock, write, compute } = setUp(cores);
    for (let piece = 0; piece < 200; piece += 1) {
      write();
      compute();
    }
    const share = clock.processorMs / clock.nowMs;
    assert.ok(share <= cores * 0.0201, `${share} of a core, with ${cores} of them`);
  }
});

test('a command doesn’t pause while the agent is idle', () => {
  const { clock, write, compute } = setUp();
  for (let piece = 0; piece < 200; piece += 1) compute();
  assert.equal(clock.pausedMs, 0);
  write();
  compute();
  assert.ok(clock.pausedMs > 0);
  clock.nowMs += 3_000;
  const { pausedMs } = clock;
  for (let piece = 0; piece < 200; piece += 1) compute();
  assert.equal(clock.pausedMs, pausedMs, 'the agent has been idle for three seconds');
});

test('a command hurries when the log that it holds up is large', () => {
  const { clock, write, compute } = setUp();
  truncateSync(`${path}-wal`, 256 * 1024 * 1024 + 1);
  write();
  compute();
  assert.equal(clock.pausedMs, 0);
});

test('a command without an agent doesn’t pause', () => {
  const { clock, compute } = setUp();
  rmSync(`${path}-wal`);
  compute();
  assert.equal(clock.pausedMs, 0);
});

test('reading while another connection writes takes a small share of the processor', () => {
  const agent = openDatabase(path);
  const job = (number: number) => soldJob({ id: `job-${number}`, createdAtMs: number });
  for (let number = 0; number < 100; number += 1) agent.jobs.insert(job(number));
  const command = openForReading(path);
  const startMs = performance.now();
  const before = process.threadCpuUsage();
  let passes = 0;
  for (let number = 100; performance.now() - startMs < 1_500; number += 1) {
    agent.jobs.insert(job(number));
    command.jobs.page('', 100);
    command.changedRow();
    passes += 1;
  }
  const { user, system } = process.threadCpuUsage(before);
  const share = (user + system) / 1_000 / (performance.now() - startMs);
  command.close();
  agent.close();
  assert.ok(passes > 0 && share < 0.5, `${share} of a core`);
});

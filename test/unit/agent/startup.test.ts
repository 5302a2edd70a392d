// Verifies: who watches the start gets the current step, each later one, and its end; a watcher that leaves is forgotten.
// Setup: a clock that the test sets.
// Fails if: a watcher misses the end or waits forever; a step after the end reopens the start.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStartupProgress } from '../../../main/agent/startup.ts';
import type { Startup } from '../../../shared/startup.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

function progress() {
  const changes: Startup[] = [];
  const clock = manualClock(0);
  const log = createRecordingLog();
  return { changes, start: createStartupProgress({ clock, log, onChange: (next) => changes.push(next) }) };
}

async function read(stream: AsyncGenerator<Startup, void, void>): Promise<string[]> {
  const phases: string[] = [];
  for await (const startup of stream)
    phases.push(startup.phase === 'starting' ? startup.step : startup.phase);
  return phases;
}

test('a watcher gets the current step and all later ones, up to the end', async () => {
  const { start, changes } = progress();
  start.begin('data');
  const early = read(start.watch(undefined));
  await new Promise(setImmediate);
  start.begin('chain');
  await new Promise(setImmediate);
  start.begin('wallet');
  await new Promise(setImmediate);
  start.serving();
  assert.deepEqual(await early, ['data', 'chain', 'wallet', 'serving']);
  start.begin('network');
  assert.deepEqual(await read(start.watch(undefined)), ['serving']);
  assert.deepEqual(
    changes.map((change) => change.phase),
    ['starting', 'starting', 'starting', 'serving'],
  );
});

test('a watcher that leaves ends', async () => {
  const { start } = progress();
  const leaving = new AbortController();
  const watching = read(start.watch(leaving.signal));
  await new Promise(setImmediate);
  leaving.abort();
  assert.deepEqual(await watching, ['program']);
});

/**
 * Verifies: the load of other programs includes neither our own nor work at a lowered priority.
 * Setup: made-up counters, and a real program that keeps a core busy.
 * Fails if: our own work makes Idlewatt pause, or a short peak counts as load.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createOtherLoadSensor,
  type ProcessorTimes,
} from '../../../main/adapters/systeminformation/other-load.ts';

test('averages over the last polls, without our own part', async () => {
  let at: ProcessorTimes = { totalMs: 0, busyMs: 0, ownMs: 0 };
  const sensor = createOtherLoadSensor({ times: () => at, now: () => 7 });
  const after = async (totalMs: number, busyMs: number, ownMs: number) => {
    at = { totalMs: at.totalMs + totalMs, busyMs: at.busyMs + busyMs, ownMs: at.ownMs + ownMs };
    return (await sensor.read()).otherProcessorPercent?.value;
  };
  assert.equal(await after(0, 0, 0), undefined, 'one poll gives no load');
  assert.equal(await after(1_000, 600, 500), 10);
  assert.equal(await after(1_000, 1_000, 0), 55, 'a short peak');
  for (let poll = 0; poll < 10; poll += 1) await after(1_000, 900, 0);
  assert.equal(await after(1_000, 900, 0), 90);
  for (let poll = 0; poll < 10; poll += 1) await after(1_000, 390, 400);
  assert.equal(await after(1_000, 390, 400), 0, 'never negative, however the counters are rounded');
});

test('reports nothing on Windows, which doesn’t distinguish our engine from other programs', async () => {
  const sensor = createOtherLoadSensor({ platform: 'win32' });
  await sensor.read();
  assert.deepEqual(await sensor.read(), {});
});

test('reports nothing while an engine server of the owner’s may be the load, and measures again afterwards', async () => {
  let at: ProcessorTimes = { totalMs: 0, busyMs: 0, ownMs: 0 };
  let mayBeOurs = false;
  const sensor = createOtherLoadSensor({ times: () => at, platform: 'linux', mayBeOurs: () => mayBeOurs });
  const after = async (busyMs: number) => {
    at = { totalMs: at.totalMs + 1_000, busyMs: at.busyMs + busyMs, ownMs: 0 };
    return (await sensor.read()).otherProcessorPercent?.value;
  };
  await after(0);
  assert.equal(await after(100), 10);
  mayBeOurs = true;
  assert.equal(await after(1_000), undefined);
  mayBeOurs = false;
  assert.equal(await after(1_000), undefined, 'its load doesn’t count afterwards either');
  assert.equal(await after(200), 20);
});

test('measures the whole CPU time of a real program at normal priority', {
  skip: process.platform !== 'linux',
}, async () => {
  const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  try {
    await once(busy, 'spawn');
    const sensor = createOtherLoadSensor();
    await sensor.read();
    const [startMs, startTicksMs] = [performance.now(), processorMs(busy.pid)];
    await sleep(1_000);
    const tookMs = processorMs(busy.pid) - startTicksMs;
    const percent = (await sensor.read()).otherProcessorPercent?.value ?? 0;
    const seenMs = (percent / 100) * cpus().length * (performance.now() - startMs);
    // The kernel counts in ticks of 10 ms, per core.
    assert.ok(tookMs > 0 && seenMs > tookMs * 0.7, `it used ${tookMs} ms, measured were ${seenMs} ms`);
  } finally {
    const gone = once(busy, 'exit');
    busy.kill('SIGKILL');
    await gone;
  }
});

/** User and system time of a process, from Linux's ticks. */
function processorMs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/**
 * Goal: the load of other programs is theirs alone: neither ours nor what runs at a lowered priority.
 * Method: made-up counters and a real program that keeps a core busy.
 * Would break: our own work that makes us pause, a moment of load that counts as work.
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

test('it counts over the last looks, without our own part', async () => {
  let at: ProcessorTimes = { totalMs: 0, busyMs: 0, ownMs: 0 };
  const sensor = createOtherLoadSensor({ times: () => at, now: () => 7 });
  const after = async (totalMs: number, busyMs: number, ownMs: number) => {
    at = { totalMs: at.totalMs + totalMs, busyMs: at.busyMs + busyMs, ownMs: at.ownMs + ownMs };
    return (await sensor.read()).otherProcessorPercent?.value;
  };
  assert.equal(await after(0, 0, 0), undefined, 'one look says nothing');
  assert.equal(await after(1_000, 600, 500), 10);
  assert.equal(await after(1_000, 1_000, 0), 55, 'a moment of load');
  for (let look = 0; look < 10; look += 1) await after(1_000, 900, 0);
  assert.equal(await after(1_000, 900, 0), 90);
  for (let look = 0; look < 10; look += 1) await after(1_000, 390, 400);
  assert.equal(await after(1_000, 390, 400), 0, 'never below nothing, however the clocks round');
});

test('Windows does not tell our engine from other programs, so nothing is said', async () => {
  const sensor = createOtherLoadSensor({ platform: 'win32' });
  await sensor.read();
  assert.deepEqual(await sensor.read(), {});
});

test('a real program at normal priority is seen with all the time that it took', {
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
    assert.ok(tookMs > 0 && seenMs > tookMs * 0.7, `it took ${tookMs} ms, seen were ${seenMs} ms`);
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

/**
 * Verifies: once per minute the log has the median, the 99th percentile and the maximum of the event loop's delay.
 * Setup: a histogram with known values and a clock that the test advances; then Node's own with a loop that is blocked.
 * Fails if: the timer's own interval is counted as delay, a minute's values stay in the next, a block isn't seen.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportEventLoopDelay } from '../../../main/adapters/node/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const MINUTE_MS = 60_000;
const BLOCK_MS = 300;

test('each minute is reported once in milliseconds beyond the time between samples, and then forgotten', () => {
  const log = createRecordingLog();
  const clock = manualClock(0);
  let resets = 0;
  const histogram = {
    count: 600,
    max: 250.04e6,
    percentile: (percentile: number) => (percentile === 50 ? 99.8e6 : 112.34e6),
    reset: () => {
      resets += 1;
    },
  };
  const stop = reportEventLoopDelay({ log, clock, histogram });
  clock.advance(MINUTE_MS - 1);
  assert.equal(log.lines.length, 0);
  clock.advance(1);
  assert.deepEqual(log.lines[0]?.fields, { p50Ms: 0, p99Ms: 12.3, maxMs: 150, samples: 600 });
  assert.equal(log.lines[0]?.level, 'info');
  assert.equal(resets, 1);
  stop();
  clock.advance(MINUTE_MS);
  assert.equal(log.lines.length, 1);
});

test('a block of the real loop is in the maximum', async () => {
  const log = createRecordingLog();
  const stop = reportEventLoopDelay({ log, clock: systemClock, intervalMs: 900 });
  await sleep(250);
  const endMs = performance.now() + BLOCK_MS;
  while (performance.now() < endMs);
  await sleep(800);
  stop();
  const maxMs = Math.max(...log.lines.map(({ fields }) => Number(fields.maxMs)));
  // The block may begin at any time between two samples.
  assert.ok(maxMs >= BLOCK_MS - 110, `${maxMs} ms`);
});

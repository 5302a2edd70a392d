/**
 * Verifies: a wrong clock of this machine is reported for as long as it is wrong, and what others claim is weighed.
 * Setup: a clock that the test sets; a chain and peers with answers that the test sets.
 * Fails if: a wrong clock goes unnoticed, a right one is called wrong because of an old block, an unavailable chain or a
 * single stranger, or the notice stays when the clock is right again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchClock } from '../../../main/core/network/index.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;

function setUp() {
  const clock = manualClock(NOW_MS);
  const log = createRecordingLog();
  const others = { chainAheadMs: 0 as number | null, peersAheadMs: null as number | null };
  const seen: (number | null)[] = [];
  const timer = watchClock({
    clock,
    log,
    async chainMs() {
      if (others.chainAheadMs === null) throw new Error('unavailable');
      return clock.now() + others.chainAheadMs;
    },
    peers: { peersAheadMs: (peersMin = 1) => (peersMin > 2 ? others.peersAheadMs : HOUR_MS) },
    onChange: (aheadMs) => seen.push(aheadMs),
  });
  async function pass(): Promise<void> {
    clock.advance(60_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return { clock, log, others, seen, pass, timer };
}

test('a clock behind the chain is reported once, and again when it is right', async () => {
  const { others, seen, log, pass, timer } = setUp();
  await pass();
  assert.deepEqual(seen, []);
  others.chainAheadMs = HOUR_MS;
  await pass();
  others.chainAheadMs = HOUR_MS + 5_000;
  await pass();
  assert.deepEqual(seen, [HOUR_MS]);
  others.chainAheadMs = 5 * HOUR_MS;
  await pass();
  others.chainAheadMs = -HOUR_MS;
  await pass();
  assert.deepEqual(seen, [HOUR_MS, 5 * HOUR_MS, null], 'a last block may be old');
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ['warn', 'warn', 'info'],
  );
  timer.cancel();
  others.chainAheadMs = HOUR_MS;
  await pass();
  assert.equal(seen.length, 3);
});

test('peers show that a clock is ahead, also while the chain is unavailable', async () => {
  const { others, seen, pass } = setUp();
  others.chainAheadMs = null;
  await pass();
  assert.deepEqual(seen, [], 'one or two peers prove nothing');
  others.peersAheadMs = -2 * HOUR_MS;
  await pass();
  others.peersAheadMs = 0;
  await pass();
  assert.deepEqual(seen, [-2 * HOUR_MS, null]);
});

/**
 * Verifies: each channel serves one request at a time, few channels are opened, and no request waits in vain.
 * Setup: the pool alone, with a clock that the test moves; a property over random takes and releases.
 * Fails if: our own requests cause `channel_busy`, every request opens a channel, or a request hangs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createChannelPool, type Slot } from '../../../main/adapters/x402/buying/channel-pool.ts';
import { manualClock } from '../../fakes/clock.ts';

function setUp(channelsMax: number) {
  const clock = manualClock(1_000);
  const pool = createChannelPool(
    () => channelsMax,
    () => clock.now(),
    (delayMs, run) => void clock.after(delayMs, run),
  );
  return { clock, pool };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('sequential requests share one channel', async () => {
  const { pool } = setUp(4);
  for (let request = 0; request < 5; request += 1) {
    const slot = await pool.take(10n);
    assert.equal(slot.index, 0);
    slot.spendable = 5n;
    pool.release(slot);
  }
});

test('prefers a funded channel to one that must be topped up', async () => {
  const { pool } = setUp(2);
  const [first, second] = [await pool.take(1n), await pool.take(1n)];
  first.spendable = 5n;
  second.spendable = 100n;
  pool.release(first);
  pool.release(second);
  assert.equal((await pool.take(50n)).index, second.index);
});

test('waits for a channel on which the provider still works', async () => {
  const { clock, pool } = setUp(1);
  const slot = await pool.take(1n);
  slot.notBeforeMs = clock.now() + 500;
  pool.release(slot);
  let got: Slot | null = null;
  const waiting = pool.take(1n).then((taken) => {
    got = taken;
  });
  await soon();
  assert.equal(got, null);
  clock.advance(500);
  await waiting;
});

test('stops using a channel that keeps failing, and opens no more when all were refused', async () => {
  const { pool } = setUp(2);
  const first = await pool.take(1n);
  first.refusals = 4;
  pool.release(first);
  const second = await pool.take(1n);
  assert.equal(second.index, 1, 'another channel replaces it');
  const third = await pool.take(1n);
  const waiting = pool.take(1n);
  second.refusals = 4;
  pool.release(second);
  await assert.rejects(waiting, { code: 'payment-required' });
  pool.release(third);
  await assert.rejects(pool.take(1n), { code: 'payment-required' });
});

test('in any order, no channel has two requests, the limit is not exceeded and every request is served', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
      async (channelsMax, steps) => {
        const { pool } = setUp(channelsMax);
        const held: Slot[] = [];
        let requested = 0;
        let served = 0;
        for (const take of steps) {
          if (take) {
            requested += 1;
            void pool.take(1n).then((slot) => {
              assert.ok(!held.includes(slot));
              held.push(slot);
              served += 1;
            });
          } else {
            const slot = held.shift();
            if (slot !== undefined) pool.release(slot);
          }
          await Promise.resolve();
          assert.ok(held.length <= channelsMax);
        }
        await soon();
        while (served < requested) {
          const slot = held.shift();
          if (slot === undefined) throw new Error('a request waits while every channel is free');
          pool.release(slot);
          await soon();
        }
        assert.ok(held.every((slot) => slot.index < channelsMax));
      },
    ),
    { numRuns: 60 },
  );
});

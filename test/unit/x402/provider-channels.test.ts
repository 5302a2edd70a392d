/**
 * Verifies: a channel that its provider still works on is used again after half a second, whatever the time of day.
 * Setup: the channels of one provider on a clock that the test moves and sets.
 * Fails if: a clock that is set back keeps a channel, and the money in it, out of use.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learnFromRefusal } from '../../../main/adapters/x402/buying/channel-recovery.ts';
import {
  type ChannelUse,
  createChannelsByPeer,
} from '../../../main/adapters/x402/buying/provider-channels.ts';
import { manualClock } from '../../fakes/clock.ts';

test('a busy channel is free again after its wait although the clock was set back', async () => {
  const clock = manualClock(1_700_000_000_000);
  const channels = createChannelsByPeer(() => 1, clock)('peer');
  const slot = await channels.pool.take(1n);
  const parts = { clock } as unknown as Parameters<typeof learnFromRefusal>[0];
  const use = { channels, slot } as unknown as ChannelUse;
  await learnFromRefusal(parts, use, {
    status: 402,
    required: null,
    body: JSON.stringify({ error: { code: 'channel-busy' } }),
  });
  clock.setTimeBy(-3_600_000);
  channels.pool.release(slot);
  let taken = false;
  void channels.pool.take(1n).then(() => {
    taken = true;
  });
  clock.advance(499);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(taken, false);
  clock.advance(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(taken, true);
});

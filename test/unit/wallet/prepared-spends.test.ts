/**
 * Verifies: a prepared transfer and a backup check end after their minutes, whatever the time of day.
 * Setup: a clock that the test moves and sets.
 * Fails if: setting the clock back keeps a transfer confirmable, or setting it forward ends one immediately.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPreparedSpends, PREPARED_MS } from '../../../main/core/wallet/prepared-spends.ts';
import type { SpendPlan } from '../../../main/core/wallet/quote.ts';
import { manualClock } from '../../fakes/clock.ts';

const ASSET = { id: 'eip155:31337/native', symbol: 'ETH', decimals: 18, practice: true };
const PLAN = {
  action: 'send',
  asset: ASSET,
  coin: ASSET,
  to: '0x01',
  amount: 1n,
  dataFee: 0n,
  gasLimit: 1n,
  maxFeePerGas: 1n,
  warnings: [],
} as unknown as SpendPlan;

for (const hours of [-1, 1]) {
  test(`a transfer ends after its minutes although the clock was set by ${hours} h`, () => {
    const clock = manualClock(1_700_000_000_000);
    const prepared = createPreparedSpends(clock);
    const [first, second] = [prepared.add(PLAN), prepared.add(PLAN)];
    clock.setTimeBy(hours * 3_600_000);
    clock.advance(PREPARED_MS - 1);
    assert.equal(prepared.take(first.id).expiresAtMs, clock.now() + 1, 'by the time of day as it is now');
    clock.advance(1);
    assert.throws(() => prepared.take(second.id), { code: 'not-found' });
  });
}

test('a transfer keeps the time of its expiry, to the millisecond, if the clock was not set', () => {
  const clock = manualClock(1_700_000_000_000);
  const prepared = createPreparedSpends(clock);
  const { id, expiresAtMs } = prepared.add(PLAN);
  clock.advance(1_234.567);
  assert.equal(prepared.take(id).expiresAtMs, expiresAtMs);
});

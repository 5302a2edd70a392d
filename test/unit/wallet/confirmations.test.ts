/**
 * Verifies: nothing is sent unless the owner confirms it, and a question without an answer counts as declined.
 * Setup: confirmations on a manual clock.
 * Fails if: a transfer goes out without confirmation, one answer counts twice, or questions flood the owner.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConfirmations } from '../../../main/core/wallet/index.ts';
import type { SpendSummary } from '../../../shared/api/wallet.ts';
import { manualClock } from '../../fakes/clock.ts';

const ASSET = { id: 'eip155:31337/native', symbol: 'ETH', decimals: 18, practice: true };

const summary: SpendSummary = {
  action: 'send',
  networkName: 'Practice',
  asset: ASSET,
  coin: ASSET,
  from: '0xfrom',
  to: '0xto',
  amount: '5',
  fee: '1',
  total: '6',
  warnings: [],
  smallTest: false,
  replaces: null,
  payout: null,
  expiresAtMs: 60_000,
};

test('resolves if confirmed, fails with the reason if declined or expired, and takes an answer once', async () => {
  const clock = manualClock(0);
  const confirmations = createConfirmations(clock);
  const ids: string[] = [];
  confirmations.onAsked((id) => ids.push(id));
  const confirmed = confirmations.ask(summary);
  const declined = confirmations.ask(summary);
  const expired = confirmations.ask(summary);
  assert.deepEqual(
    confirmations.waiting().map(({ id }) => id),
    ids,
  );
  const [first = '', second = ''] = ids;
  confirmations.answer(first, true);
  confirmations.answer(second, false);
  await confirmed;
  await assert.rejects(declined, { code: 'not-permitted', message: /declined/ });
  assert.throws(() => confirmations.answer(first, true), { code: 'not-found' });
  assert.throws(() => confirmations.answer('unknown', true), { code: 'not-found' });
  clock.advance(60_000);
  await assert.rejects(expired, { code: 'not-permitted', message: /wasn’t confirmed in time/ });
  assert.deepEqual(confirmations.waiting(), []);
});

test('lets up to five questions wait, and declines them when the agent stops', async () => {
  const confirmations = createConfirmations(manualClock(0));
  const asked = Array.from({ length: 5 }, () => confirmations.ask(summary));
  await assert.rejects(confirmations.ask(summary), { code: 'busy' });
  confirmations.stop();
  for (const one of asked) await assert.rejects(one, { code: 'aborted' });
});

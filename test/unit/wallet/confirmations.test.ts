/**
 * Goal: nothing is sent without the owner's yes, and a question that nobody answers is a no.
 * Method: confirmations on a clock in the test's hand.
 * Would break: a spend that goes out by itself, one answer that counts twice, a flood of questions.
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
  expiresAtMs: 60_000,
};

test('a yes resolves, a no and a silence fail with their reason, and an answer counts once', async () => {
  const clock = manualClock(0);
  const confirmations = createConfirmations(clock);
  const told: string[] = [];
  confirmations.onAsked((id) => told.push(id));
  const yes = confirmations.ask(summary);
  const no = confirmations.ask(summary);
  const silence = confirmations.ask(summary);
  assert.deepEqual(
    confirmations.waiting().map(({ id }) => id),
    told,
  );
  const [first = '', second = ''] = told;
  confirmations.answer(first, true);
  confirmations.answer(second, false);
  await yes;
  await assert.rejects(no, { code: 'not-permitted', message: /declined/ });
  assert.throws(() => confirmations.answer(first, true), { code: 'not-found' });
  assert.throws(() => confirmations.answer('made up', true), { code: 'not-found' });
  clock.advance(60_000);
  await assert.rejects(silence, { code: 'not-permitted', message: /Nobody confirmed/ });
  assert.deepEqual(confirmations.waiting(), []);
});

test('at most five questions wait at once, and an ending agent answers them with no', async () => {
  const confirmations = createConfirmations(manualClock(0));
  const asked = Array.from({ length: 5 }, () => confirmations.ask(summary));
  await assert.rejects(confirmations.ask(summary), { code: 'busy' });
  confirmations.stop();
  for (const one of asked) await assert.rejects(one, { code: 'aborted' });
});

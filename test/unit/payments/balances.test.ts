/**
 * Verifies: the shown balances are those of the two addresses, and an unknown balance is never zero.
 * Setup: a map as the chain; reading it can fail for one address.
 * Fails if: the coin for fees is left out, an address that cannot be read counts as empty.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaitsBackup, createBalanceWatch } from '../../../main/core/payments/index.ts';
import type { Balances } from '../../../main/ports/chain.ts';
import { amount } from '../../../shared/money.ts';

const unread: Balances = { token: null, coin: null, atMs: 1 };
const balances = (token: number, coin: number): Balances => ({
  token: amount(token),
  coin: amount(coin),
  atMs: 1,
});

function setUp(chain: Record<string, Balances>) {
  const available: boolean[] = [];
  const watch = createBalanceWatch({
    read: async (address) => chain[address] ?? assert.fail(address),
    earningsAddress: 'earnings',
    feeAddress: 'fees',
    onRefresh: (isChainAvailable) => available.push(isChainAvailable),
  });
  return { watch, available };
}

test('adds the coin of both addresses and shows the token of the earnings address', async () => {
  const { watch, available } = setUp({ earnings: balances(70, 5), fees: balances(9, 20) });
  assert.equal(watch.current(), null);
  await watch.refresh();
  assert.deepEqual(watch.current(), balances(70, 25));
  assert.deepEqual(available, [true]);
});

test('the coin is unknown when one of the addresses cannot be read', async () => {
  const { watch } = setUp({ earnings: balances(70, 5), fees: unread });
  await watch.refresh();
  assert.deepEqual(watch.current(), { token: amount(70), coin: null, atMs: 1 });
});

test('reports the chain as unavailable when the token balance cannot be read', async () => {
  const { watch, available } = setUp({ earnings: unread, fees: balances(0, 1) });
  await watch.refresh();
  assert.deepEqual(watch.current(), unread);
  assert.deepEqual(available, [false]);
});

test('a payout waits for the backup only with real money at an address of this machine', () => {
  const wallet = { isPractice: false, payout: '0xa', own: '0xa', isBackedUp: false };
  assert.equal(awaitsBackup(wallet), true);
  assert.equal(awaitsBackup({ ...wallet, isBackedUp: true }), false);
  assert.equal(awaitsBackup({ ...wallet, payout: '0xb' }), false);
  assert.equal(awaitsBackup({ ...wallet, isPractice: true }), false);
});

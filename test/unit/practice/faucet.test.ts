/**
 * Verifies: a practice wallet is filled up to its minimum, and the ledger records what arrived and nothing else.
 * Setup: one address with balances that the test's faucet raises; the real ledger in memory.
 * Fails if: the ledger records the requested amount instead of what arrived, a full wallet gets more, an unreachable
 * chain counts as an empty wallet.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { fillFromFaucet } from '../../../main/core/practice/index.ts';
import type { Balances } from '../../../main/ports/chain.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

function setUp(token: bigint | null, coinGift = 5n) {
  const clock = manualClock(1_000_000);
  const { ledger: store } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  const held = { token, coin: 0n };
  const balances = (): Balances => ({
    token: held.token === null ? null : amount(held.token),
    coin: amount(held.coin),
    atMs: 1,
  });
  const given: bigint[] = [];
  const fill = () =>
    fillFromFaucet({
      address: '0xa',
      tokenMin: 1_000n,
      readBalances: async () => balances(),
      async fund(_address, sum) {
        given.push(sum);
        held.token = (held.token ?? 0n) + sum;
        held.coin += coinGift;
      },
      ledger,
      tokenId: 'token',
      coinId: 'coin',
      clock,
    });
  return {
    clock,
    fill,
    given,
    wallet: () => [ledger.balance('wallet', 'token'), ledger.balance('wallet', 'coin')],
  };
}

test('fills up to the minimum and records the gain of both assets', async () => {
  const { clock, fill, given, wallet } = setUp(300n);
  await fill();
  assert.deepEqual(given, [700n]);
  assert.deepEqual(wallet(), [700n, 5n]);
  clock.advance(1);
  await fill();
  assert.deepEqual(given, [700n, 0n]);
  assert.deepEqual(wallet(), [700n, 10n]);
});

test('records nothing where nothing arrived', async () => {
  const { fill, given, wallet } = setUp(2_000n, 0n);
  await fill();
  assert.deepEqual(given, [0n]);
  assert.deepEqual(wallet(), [0n, 0n]);
});

test('fails where the chain does not respond', async () => {
  const { fill, given } = setUp(null);
  await assert.rejects(fill(), { code: 'chain-unavailable' });
  assert.deepEqual(given, []);
});

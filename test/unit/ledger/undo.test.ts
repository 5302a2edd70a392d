/**
 * Verifies: a transaction that the chain drops is reversed once; it may be mined again and be dropped again.
 * Setup: a claim and its payout in a real database: dropped, reported twice, mined again under the same hashes,
 * dropped again.
 * Fails if: the ledger keeps money that the chain no longer has, a transaction that was mined again is not
 * recorded, one is reversed twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';

test('a dropped claim and payout are reversed once and recorded again when they return', () => {
  const { ledger: store } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock: manualClock(1_000_000), calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'gas', assetId: COIN, amount: amount(100n) });
  ledger.recoverCharges({ side: 'sold', channelId: '0xch', assetId: TOKEN, total: amount(500n) });
  const settle = () => {
    ledger.networkFee({ txHash: '0xc', assetId: COIN, amount: amount(3n) });
    const channels = [{ channelId: '0xch', amount: amount(500n) }];
    ledger.channelsClaimed({ txHash: '0xc', assetId: TOKEN, channels });
    ledger.paidOut({ txHash: '0xp', assetId: TOKEN, amount: amount(500n) });
  };
  const drop = () => {
    ledger.undo('0xp', 'dropped');
    ledger.undo('0xc', 'dropped');
  };
  const balances = () =>
    (['channels:owed', 'contract:claimed', 'wallet'] as const).map((account) =>
      ledger.balance(account, TOKEN),
    );
  for (let time = 1; time <= 3; time += 1) {
    settle();
    settle();
    assert.deepEqual(balances(), [0n, 0n, 500n]);
    assert.equal(ledger.balance('fees:network', COIN), 3n);
    drop();
    drop();
    assert.deepEqual(balances(), [500n, 0n, 0n]);
    assert.equal(ledger.balance('fees:network', COIN), 0n);
  }
  assert.equal(ledger.entries({ kind: 'reversal', limit: 20 }).length, 9);
  ledger.verifyBalanced();
});

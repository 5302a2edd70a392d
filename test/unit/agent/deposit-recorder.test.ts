/**
 * Goal: each deposit is booked once, whoever brings the news first and whoever dies before it is told. Method:
 * the real ledger in memory, a chain that is a map, a clock of our own. Would break: a deposit whose answer was
 * lost missing from the books, or one that was found on the chain and told as well counted twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createDepositBooks } from '../../../main/agent/deposit-recorder.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const ASSET = 'eip155:31337/0x01';
const CHANNEL = `0x${'ab'.repeat(32)}`;

function setUp() {
  const clock = manualClock(1_700_000_000_000);
  const { ledger: store } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'start', assetId: ASSET, amount: amount(1_000) });
  const chain = new Map<string, bigint>();
  const books = createDepositBooks({
    ledger,
    store,
    assetId: ASSET,
    onChain: async () => [...chain].map(([channelId, total]) => ({ channelId, total: amount(total) })),
    clock,
    changed: () => undefined,
  });
  const look = async () => {
    books.watch();
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const deposited = () => ledger.balance('channels:deposited', ASSET);
  const tell = (sum: number, total: number, txHash: string) =>
    books.deposited({ channelId: CHANNEL, amount: amount(sum), total: amount(total), txHash });
  return { ledger, chain, look, deposited, tell };
}

test('a deposit that nobody told us of is found on the chain, once', async () => {
  const { ledger, chain, look, deposited } = setUp();
  chain.set(CHANNEL, 300n);
  await look();
  await look();
  assert.equal(deposited(), 300n);
  assert.equal(ledger.balance('wallet', ASSET), 700n);
  ledger.verifyBalanced();
});

test('news that comes after the look is not booked again, and before it neither', async () => {
  const { chain, look, deposited, tell } = setUp();
  chain.set(CHANNEL, 300n);
  await look();
  tell(300, 300, '0x1');
  assert.equal(deposited(), 300n);
  chain.set(CHANNEL, 400n);
  tell(100, 400, '0x2');
  await look();
  assert.equal(deposited(), 400n);
});

test('what was spent of a deposit is still known as put in', async () => {
  const { ledger, chain, look, deposited } = setUp();
  chain.set(CHANNEL, 300n);
  await look();
  ledger.recoverCharges({ side: 'bought', channelId: CHANNEL, assetId: ASSET, total: amount(250) });
  await look();
  assert.equal(deposited(), 50n);
  chain.set(CHANNEL, 500n);
  await look();
  assert.equal(deposited(), 250n);
});

test('a payer that knew too little of its channel books the rest at the next look', async () => {
  const { chain, look, deposited, tell } = setUp();
  chain.set(CHANNEL, 300n);
  await look();
  chain.set(CHANNEL, 400n);
  tell(100, 200, '0x3');
  await look();
  assert.equal(deposited(), 400n);
});

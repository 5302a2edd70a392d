/**
 * Verifies: each deposit is recorded once, whether the confirmation or the chain reports it first, and even if the
 * confirmation is lost.
 * Setup: the real ledger in memory, a map as the chain, a clock that the test moves.
 * Fails if: a deposit with a lost confirmation is missing from the ledger, one that was found on-chain and confirmed
 * as well is counted twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createDepositRecorder } from '../../../main/core/payments/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const ASSET = 'eip155:31337/0x01';
const CHANNEL = `0x${'ab'.repeat(32)}`;

function setUp() {
  const clock = manualClock(1_700_000_000_000);
  const { ledger: store } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'start', assetId: ASSET, amount: amount(1_000) });
  const chain = new Map<string, bigint>();
  const network = { isAway: false };
  const log = createRecordingLog();
  const recorder = createDepositRecorder({
    ledger,
    assetId: ASSET,
    onChain: async () => {
      if (network.isAway) throw new AppError('chain-unavailable', 'The chain cannot be reached.');
      return [...chain].map(([channelId, total]) => ({ channelId, total: amount(total) }));
    },
    clock,
    changed: () => undefined,
    log,
  });
  const check = async () => {
    recorder.watch();
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const deposited = () => ledger.balance('channels:deposited', ASSET);
  const confirm = (sum: number, total: number, txHash: string) =>
    recorder.deposited({ channelId: CHANNEL, amount: amount(sum), total: amount(total), txHash });
  return { clock, ledger, chain, network, log, check, deposited, confirm };
}

test('records a deposit without a confirmation from the chain, once', async () => {
  const { ledger, chain, check, deposited } = setUp();
  chain.set(CHANNEL, 300n);
  await check();
  await check();
  assert.equal(deposited(), 300n);
  assert.equal(ledger.balance('wallet', ASSET), 700n);
  ledger.verifyBalanced();
});

test('a confirmation after or before the check is not recorded twice', async () => {
  const { chain, check, deposited, confirm } = setUp();
  chain.set(CHANNEL, 300n);
  await check();
  confirm(300, 300, '0x1');
  assert.equal(deposited(), 300n);
  chain.set(CHANNEL, 400n);
  confirm(100, 400, '0x2');
  await check();
  assert.equal(deposited(), 400n);
});

test('the spent part of a deposit still counts as deposited', async () => {
  const { ledger, chain, check, deposited } = setUp();
  chain.set(CHANNEL, 300n);
  await check();
  ledger.recoverCharges({ side: 'bought', channelId: CHANNEL, assetId: ASSET, total: amount(250) });
  await check();
  assert.equal(deposited(), 50n);
  chain.set(CHANNEL, 500n);
  await check();
  assert.equal(deposited(), 250n);
});

test('a confirmation with too low a total: the next check records the rest', async () => {
  const { chain, check, deposited, confirm } = setUp();
  chain.set(CHANNEL, 300n);
  await check();
  chain.set(CHANNEL, 400n);
  confirm(100, 200, '0x3');
  await check();
  assert.equal(deposited(), 400n);
});

test('while the chain is unavailable nothing is recorded, and a later check finds the deposit', async () => {
  const { clock, chain, network, log, check, deposited } = setUp();
  chain.set(CHANNEL, 300n);
  network.isAway = true;
  await check();
  assert.equal(deposited(), 0n);
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ['debug'],
  );
  network.isAway = false;
  clock.advance(2_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(deposited(), 300n);
});

/**
 * Verifies: the fee of every transaction sent from here is recorded once, even if the chain or the process is gone
 * in between.
 * Setup: the real ledger and records in memory, a map as the chain, a clock moved by hand.
 * Fails if: a fee is missing because the chain was unavailable before the receipt arrived, or is recorded twice
 * because it came back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createFeeRecorder } from '../../../main/core/payments/index.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../../../main/ports/evm.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const COIN = 'eip155:31337/native';
const HASH: Hex = `0x${'12'.repeat(32)}`;
const CALL = { address: HASH, abi: [], functionName: 'deposit', args: [] };

function setUp() {
  const clock = manualClock(1_700_000_000_000);
  const { ledger: store, records } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'start', assetId: COIN, amount: amount(1_000) });
  const mined = new Map<Hex, TransactionReceipt>();
  let answers = true;
  let dies = false;
  const receipt = async (hash: Hex): Promise<TransactionReceipt | null> => {
    if (!answers) throw new Error('away');
    return mined.get(hash) ?? null;
  };
  const sender = {
    receipt,
    isPending: async () => false,
    async writeContract(_call, options) {
      options?.beforeBroadcast?.(HASH);
      if (dies) throw new Error('the process ends here');
      return HASH;
    },
    sendTransaction: async () => HASH,
    async waitForReceipt(hash) {
      const found = await receipt(hash);
      if (found === null) throw new Error('not yet');
      return found;
    },
  } as Partial<ChainSender> as ChainSender;
  const log = createRecordingLog();
  const start = () => createFeeRecorder({ sender, store: records, ledger, coinId: COIN, clock, log });
  const mine = () =>
    mined.set(HASH, {
      hash: HASH,
      status: 'success',
      blockNumber: 1,
      blockHash: HASH,
      fee: amount(7),
      gasUsed: 7n,
      logs: [],
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    clock,
    log,
    records,
    start,
    mine,
    settled,
    fees: () => ledger.balance('fees:network', COIN),
    open: () => records.list('fees-to-book').length,
    goAway: (away: boolean) => {
      answers = !away;
    },
    die: () => {
      dies = true;
    },
  };
}

test('records the fee of a receipt and stops querying it', async () => {
  const { start, mine, fees, open } = setUp();
  const recorder = start();
  await recorder.sender.writeContract(CALL);
  mine();
  await recorder.sender.waitForReceipt(HASH);
  assert.equal(fees(), 7n);
  assert.equal(open(), 0);
});

test('queries the receipt again when the chain was unavailable', async () => {
  const { clock, start, mine, fees, open, goAway, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.writeContract(CALL);
  mine();
  goAway(true);
  await assert.rejects(recorder.sender.waitForReceipt(HASH));
  clock.advance(10_000);
  await settled();
  assert.equal(fees(), 0n);
  goAway(false);
  clock.advance(10_000);
  await settled();
  await settled();
  assert.equal(fees(), 7n);
  assert.equal(open(), 0);
});

test('records the fee of a plain transaction whose receipt is not awaited', async () => {
  const { clock, start, mine, fees, open, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.sendTransaction({ to: HASH, data: '0x' });
  assert.equal(open(), 1);
  mine();
  clock.advance(5_000);
  await settled();
  assert.equal(fees(), 7n);
  assert.equal(open(), 0);
});

test('a process that ends during the broadcast leaves the hash to the next process', async () => {
  const { start, mine, fees, die, settled } = setUp();
  die();
  await assert.rejects(start().sender.writeContract(CALL));
  mine();
  start().start();
  await settled();
  assert.equal(fees(), 7n);
});

test('forgets after one hour a transaction that the chain never accepted', async () => {
  const { clock, start, fees, open, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.writeContract(CALL);
  clock.advance(3_000_000);
  await settled();
  assert.equal(open(), 1);
  clock.advance(700_000);
  await settled();
  await settled();
  assert.equal(open(), 0);
  assert.equal(fees(), 0n);
});

test('a mined transaction is logged with its purpose, also after a restart', async () => {
  const { clock, log, start, mine, settled } = setUp();
  await start().sender.writeContract(CALL);
  mine();
  start().start();
  clock.advance(5_000);
  await settled();
  const mined = log.lines.find(({ message }) => message === 'Transaction mined');
  assert.deepEqual(mined?.fields, { purpose: 'deposit', tx: HASH, status: 'success', block: 1, feeWei: '7' });
});

test('a note of an earlier version, without a purpose, is still read', async () => {
  const { log, records, start, mine, settled } = setUp();
  records.set('fees-to-book', HASH, JSON.stringify({ sentAtMs: 1_700_000_000_000 }));
  mine();
  start().start();
  await settled();
  const mined = log.lines.find(({ message }) => message === 'Transaction mined');
  assert.deepEqual(mined?.fields, { tx: HASH, status: 'success', block: 1, feeWei: '7' });
});

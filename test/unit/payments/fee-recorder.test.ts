/**
 * Verifies: the fee of every transaction sent from here is recorded once, even if the chain or the process is gone
 * in between.
 * Setup: the real ledger and records in memory, a map as the chain, a clock that the test moves.
 * Fails if: a fee is missing because the chain was unavailable before the receipt arrived, or is recorded twice
 * because it came back; a transaction that waits in the pool is never replaced, or is replaced again and again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createFeeRecorder } from '../../../main/core/payments/index.ts';
import type { ChainSender, Hex, TransactionReceipt, UnsignedTransaction } from '../../../main/ports/evm.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const COIN = 'eip155:31337/native';
const HASH: Hex = `0x${'12'.repeat(32)}`;
const SENT: UnsignedTransaction = {
  chainId: 31_337,
  nonce: 5,
  to: HASH,
  data: '0x',
  value: 0n,
  gasLimit: 50_000n,
  maxFeePerGas: 100n,
  maxPriorityFeePerGas: 10n,
};
const CALL = { address: HASH, abi: [], functionName: 'deposit', args: [] };

function setUp() {
  const clock = manualClock(1_700_000_000_000);
  const { ledger: store, records } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'start', assetId: COIN, amount: amount(1_000) });
  const mined = new Map<Hex, TransactionReceipt>();
  const pending = new Set<Hex>();
  const replaced: UnsignedTransaction[] = [];
  let limited = false;
  let forgotten = 0;
  let answers = true;
  let dies = false;
  const receipt = async (hash: Hex): Promise<TransactionReceipt | null> => {
    if (!answers) throw new Error('away');
    return mined.get(hash) ?? null;
  };
  const sender = {
    receipt,
    isPending: async (hash) => pending.has(hash),
    forgetNonce() {
      forgotten += 1;
    },
    async replace(transaction, options) {
      replaced.push(transaction);
      if (limited) return null;
      const hash: Hex = `0x${String(replaced.length).repeat(64).slice(0, 64)}`;
      options?.beforeBroadcast?.(hash, { ...transaction, maxFeePerGas: transaction.maxFeePerGas * 2n });
      pending.add(hash);
      return hash;
    },
    async writeContract(_call, options) {
      options?.beforeBroadcast?.(HASH, SENT);
      if (dies) throw new Error('the process ends here');
      return HASH;
    },
    async sendTransaction(_transaction, options) {
      options?.beforeBroadcast?.(HASH, SENT);
      return HASH;
    },
    async waitForReceipt(hash) {
      const found = await receipt(hash);
      if (found === null) throw new Error('not yet');
      return found;
    },
  } as Partial<ChainSender> as ChainSender;
  const log = createRecordingLog();
  const start = () => createFeeRecorder({ sender, store: records, ledger, coinId: COIN, clock, log });
  const mine = (hash: Hex = HASH) =>
    mined.set(hash, {
      hash,
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
    start,
    log,
    mine,
    settled,
    fees: () => ledger.balance('fees:network', COIN),
    open: () => records.list('fees-to-book').length,
    forgotten: () => forgotten,
    pending,
    replaced,
    limit: () => {
      limited = true;
    },
    goAway: (away: boolean) => {
      answers = !away;
    },
    die: () => {
      dies = true;
    },
  };
}

test('records the fee of a receipt and stops querying it', async () => {
  const { start, log, mine, fees, open } = setUp();
  const recorder = start();
  await recorder.sender.writeContract(CALL);
  mine();
  await recorder.sender.waitForReceipt(HASH);
  assert.equal(fees(), 7n);
  assert.equal(open(), 0);
  const line = log.lines.find(({ message }) => message === 'Transaction mined');
  assert.equal(line?.fields.purpose, 'deposit');
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
  const { clock, start, fees, open, forgotten, settled } = setUp();
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
  assert.equal(forgotten(), 1, 'its nonce is free again');
});

test('replaces a transaction that waits in the pool for three minutes, and records one fee', async () => {
  const { clock, start, mine, fees, open, pending, replaced, settled } = setUp();
  const recorder = start();
  const seen: [Hex, Hex][] = [];
  recorder.onReplaced((earlier, hash) => void seen.push([earlier, hash]));
  recorder.start();
  await recorder.sender.writeContract(CALL);
  pending.add(HASH);
  const minutes = async (count: number) => {
    for (let check = 0; check < count * 12; check += 1) {
      clock.advance(5_000);
      await settled();
    }
  };
  await minutes(2);
  assert.equal(replaced.length, 0);
  await minutes(2);
  assert.deepEqual(replaced, [SENT]);
  assert.deepEqual(seen, [[HASH, `0x${'1'.repeat(64)}`]]);
  await minutes(3);
  assert.equal(replaced.length, 2, 'the replacement waits for three minutes too');
  assert.equal(replaced[1]?.maxFeePerGas, 200n, 'the last one is replaced, not the first one');
  assert.equal(open(), 3);
  mine(`0x${'1'.repeat(64)}`);
  await minutes(1);
  assert.equal(fees(), 7n);
  assert.equal(open(), 0, 'the others have the same nonce and can’t be mined');
});

test('replaces a stuck transaction of an earlier run', async () => {
  const { clock, start, pending, replaced, settled } = setUp();
  await start().sender.writeContract(CALL);
  pending.add(HASH);
  clock.advance(200_000);
  start().start();
  await settled();
  assert.deepEqual(replaced, [SENT]);
});

test('a limit that leaves no room for a higher fee is reported every three minutes', async () => {
  const { clock, start, pending, replaced, limit, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.writeContract(CALL);
  pending.add(HASH);
  limit();
  for (let check = 0; check < 12 * 10; check += 1) {
    clock.advance(5_000);
    await settled();
  }
  assert.equal(replaced.length, 3);
});

test('a replacement that never arrived doesn’t stop the next one', async () => {
  const { clock, start, pending, replaced, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.writeContract(CALL);
  pending.add(HASH);
  for (let check = 0; check < 12 * 7; check += 1) {
    clock.advance(5_000);
    await settled();
    // Only the first transaction is in the pool: the nodes refused every replacement.
    for (const hash of pending) if (hash !== HASH) pending.delete(hash);
  }
  assert.deepEqual(
    replaced.map(({ maxFeePerGas }) => maxFeePerGas),
    [100n, 200n],
  );
});

test('a transaction that no node has is not sent again', async () => {
  const { clock, start, replaced, settled } = setUp();
  const recorder = start();
  recorder.start();
  await recorder.sender.writeContract(CALL);
  clock.advance(300_000);
  await settled();
  assert.deepEqual(replaced, []);
});

/**
 * Verifies: a payment that was sent and whose result wasn't seen is recorded before it is sent, and counts for its payer once
 *   the chain shows it; a failure that isn't the payer's doesn't count as one, and is logged.
 * Setup: a sender and a chain of this test, a manual clock, and a store in memory.
 * Fails if: a transaction that arrives late is lost or counts twice, one that moved something else counts, records stay, a
 *   payer is blamed for this machine's fees or for the chain, or a fault of the program passes for a payment that failed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id as hashOfText } from 'ethers';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import type { UptoPayment } from '../../../main/adapters/x402/selling/upto-authorization.ts';
import { replacePending } from '../../../main/adapters/x402/selling/upto-pending.ts';
import { createUptoSettlement } from '../../../main/adapters/x402/selling/upto-settlement.ts';
import type { ArrivedPayment } from '../../../main/ports/customers.ts';
import { ChainRefusal, type Hex, type TransactionReceipt } from '../../../main/ports/evm.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const NOW_MS = 1_700_000_000_000;
const OTHER_HASH: Hex = `0x${'cd'.repeat(32)}`;
const HASH: Hex = `0x${'ab'.repeat(32)}`;
const PAYER = `0x${'11'.repeat(20)}`;
const PAYOUT: Hex = `0x${'22'.repeat(20)}`;
const network = practiceNetwork('http://127.0.0.1:1');
const token = network.token.address;

/** The amount moved, and the part of it that the answer cost. */
const SUMS = { value: amount(120n), used: amount(80n), job: 'job' };

const payment: UptoPayment = {
  accepted: {
    ...{ scheme: 'upto', network: network.id, asset: token, amount: '500', payTo: PAYOUT },
    ...{ maxTimeoutSeconds: 900, extra: {} },
  },
  signature: `0x${'33'.repeat(65)}`,
  permit: {
    ...{ from: PAYER, permitted: { token, amount: '500' }, spender: PAYOUT, nonce: '7' },
    deadline: String(NOW_MS / 1_000 + 900),
    witness: { to: PAYOUT, facilitator: PAYOUT, validAfter: '0' },
  },
  gasless: null,
};

const word = (address: string): Hex => `0x${address.slice(2).padStart(64, '0')}`;

function receiptOf(value: bigint, status: TransactionReceipt['status'] = 'success'): TransactionReceipt {
  const topics = [hashOfText('Transfer(address,address,uint256)') as Hex, word(PAYER), word(PAYOUT)];
  const data: Hex = `0x${value.toString(16).padStart(64, '0')}`;
  return {
    ...{ hash: HASH, status, blockNumber: 1, blockHash: HASH, fee: amount(1n), gasUsed: 1n },
    logs: [{ address: token as Hex, topics, data }],
  };
}

const down = () => new AppError('chain-unavailable', 'The node is down.');
const refused = () => new ChainRefusal('the chain refused: execution reverted');

interface Chain {
  receipt: (hash: Hex) => Promise<TransactionReceipt | null>;
  /** Fails before anything was sent, e.g. when the fee is estimated. */
  unsent: Error | null;
  /** Fails after it was sent. */
  fails: Error | null;
  trial: Error | null;
}

function open() {
  const clock = manualClock(NOW_MS);
  const store = createMemoryRecordStore();
  const log = createRecordingLog();
  const chain: Chain = { receipt: async () => null, unsent: null, fails: null, trial: null };
  const arrived: (ArrivedPayment & { readonly used: Amount })[] = [];
  let sent = 0;
  const settlement = createUptoSettlement({
    ...{ network, store, clock, log },
    sender: {
      address: PAYOUT,
      receipt: (hash) => chain.receipt(hash),
      async readContract({ from, args }) {
        assert.equal(from, PAYOUT);
        assert.equal(args?.[1], 500n, 'all that was permitted');
        if (chain.trial !== null) throw chain.trial;
      },
      async writeContract({ args }, options) {
        assert.equal(args?.[1], 120n, 'the part that was used');
        if (chain.unsent !== null) throw chain.unsent;
        sent += 1;
        options?.beforeBroadcast?.(HASH, {} as never);
        if (chain.fails !== null) throw chain.fails;
        return HASH;
      },
    },
    paidLate: (each, used) => void arrived.push({ ...each, used }),
  });
  const settle = () => settlement.settle(payment, SUMS, (each) => each.amount);
  /** Lets the time pass until it is settled, or is given up. */
  const settled = async () => {
    let isOver = false;
    const settling = settle().finally(() => {
      isOver = true;
    });
    for (let second = 0; second <= 61 && !isOver; second += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(isOver, 'it is given up after a minute');
    return settling;
  };
  const pending = () => store.list('x402-upto-pending').length;
  const warned = () => log.lines.filter(({ level }) => level === 'warn').length;
  return { clock, store, chain, arrived, settlement, settle, settled, pending, warned, sent: () => sent };
}

test('waits for the block, also while the chain doesn’t answer', async () => {
  const { chain, settled, pending, warned } = open();
  let asked = 0;
  chain.receipt = async () => {
    asked += 1;
    if (asked === 2) throw down();
    return asked < 4 ? null : receiptOf(120n);
  };
  assert.deepEqual(await settled(), { kind: 'settled', recorded: 120n });
  assert.deepEqual([asked, pending(), warned()], [4, 0, 0]);
});

test('takes what the chain shows for paid, also where sending failed', async () => {
  const { chain, settle, pending } = open();
  chain.fails = down();
  chain.receipt = async () => receiptOf(120n);
  assert.deepEqual(await settle(), { kind: 'settled', recorded: 120n });
  assert.equal(pending(), 0);
});

test('waits for the block of a payment whose broadcast got no answer', async () => {
  for (const failure of [down(), new AppError('chain-mismatch', 'The nodes disagree.')]) {
    const { chain, settled, pending, warned } = open();
    chain.fails = failure;
    let asked = 0;
    chain.receipt = async () => {
      asked += 1;
      return asked < 10 ? null : receiptOf(120n);
    };
    assert.deepEqual(await settled(), { kind: 'settled', recorded: 120n }, failure.code);
    assert.deepEqual([asked, pending(), warned()], [10, 0, 0]);
  }
});

test('asks for the block less and less often, up to once a second, also while a node refuses to answer', async () => {
  const { clock, chain, settle } = open();
  const atMs: number[] = [];
  chain.receipt = async () => {
    atMs.push(clock.monotonic());
    if (atMs.length < 8) throw new ChainRefusal('the chain refused: header not found');
    return receiptOf(120n);
  };
  const settling = settle();
  for (let step = 0; step < 50; step += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(200);
  }
  assert.deepEqual(await settling, { kind: 'settled', recorded: 120n });
  assert.deepEqual(atMs, [0, 200, 600, 1_400, 2_400, 3_400, 4_400, 5_400]);
});

test('looks for each late payment, also after one that can’t be looked for', async () => {
  const { chain, arrived, settlement, settled, store, pending } = open();
  await settled();
  const [first] = store.list('x402-upto-pending');
  store.set('x402-upto-pending', '0', first?.value.replaceAll(HASH, OTHER_HASH) ?? '');
  chain.receipt = async (hash) => {
    if (hash === OTHER_HASH) throw refused();
    return receiptOf(120n);
  };
  await assert.rejects(settlement.findLate(), { code: 'chain-unavailable' });
  assert.deepEqual([arrived.length, pending()], [1, 1]);
});

test('blames the payer for what the chain refuses, and for nothing else', async () => {
  const unpaid = open();
  unpaid.chain.unsent = refused();
  assert.deepEqual(await unpaid.settle(), { kind: 'refused' });
  const reverted = open();
  reverted.chain.receipt = async () => receiptOf(120n, 'reverted');
  assert.deepEqual(await reverted.settle(), { kind: 'refused' });
  assert.deepEqual([unpaid.pending(), reverted.pending()], [0, 0]);
  assert.deepEqual([unpaid.warned(), reverted.warned()], [1, 1], 'the owner learns of each unpaid answer');
  for (const failure of [
    down(),
    new AppError('insufficient-funds', 'Not enough coin.'),
    new AppError('fee-too-high', 'The fee is too high.'),
    new AppError('chain-mismatch', 'The nodes disagree.'),
  ]) {
    const { chain, settle, settled, pending, warned } = open();
    chain.unsent = failure;
    assert.deepEqual(await settle(), { kind: 'not-collected' }, failure.code);
    assert.deepEqual([pending(), warned()], [0, 1]);
    chain.unsent = null;
    chain.fails = failure;
    assert.deepEqual(await settled(), { kind: 'not-collected' }, failure.code);
    assert.deepEqual([pending(), warned()], [1, 2]);
  }
});

test('blames no payer whose permit expired before the answer was complete', async () => {
  const before = open();
  before.clock.advance(900_001);
  assert.deepEqual(await before.settled(), { kind: 'not-collected' });
  assert.deepEqual([before.sent(), before.pending(), before.warned()], [0, 0, 1], 'not even sent');
  const meanwhile = open();
  meanwhile.clock.advance(900_000);
  meanwhile.chain.receipt = async () => {
    meanwhile.clock.advance(1_000);
    return receiptOf(120n, 'reverted');
  };
  assert.deepEqual(await meanwhile.settle(), { kind: 'not-collected' });
  assert.deepEqual([meanwhile.sent(), meanwhile.pending(), meanwhile.warned()], [1, 0, 1]);
});

test('gives a chain up that doesn’t answer after a payment was sent', async () => {
  const { chain, settled, pending, warned } = open();
  chain.receipt = () => Promise.reject(down());
  assert.deepEqual(await settled(), { kind: 'not-collected' });
  assert.deepEqual([pending(), warned()], [1, 1]);
});

test('throws the faults of the program', async () => {
  const { chain, settle, settlement, pending, warned } = open();
  chain.unsent = new TypeError('a fault');
  await assert.rejects(settle(), TypeError);
  chain.unsent = null;
  chain.fails = new TypeError('a fault');
  await assert.rejects(settle(), TypeError);
  assert.equal(pending(), 1, 'what was sent is found later');
  chain.fails = null;
  chain.receipt = async () => receiptOf(120n);
  const failing = settlement.settle(payment, SUMS, () => {
    throw new AppError('disk-full', 'The disk is full.');
  });
  await assert.rejects(failing, { code: 'disk-full' });
  chain.trial = new TypeError('a fault');
  await assert.rejects(settlement.isPayable(payment), TypeError);
  assert.deepEqual([pending(), warned()], [1, 0]);
});

test('asks the chain for the whole payment before the answer', async () => {
  const { chain, settlement } = open();
  assert.equal(await settlement.isPayable(payment), 'yes');
  chain.trial = refused();
  assert.equal(await settlement.isPayable(payment), 'no');
  chain.trial = down();
  assert.equal(await settlement.isPayable(payment), 'chain-unavailable');
});

test('leaves a payment that is being settled out of those that arrive late', async () => {
  const { clock, chain, arrived, settlement, settle, pending } = open();
  const shown = Promise.withResolvers<TransactionReceipt | null>();
  chain.receipt = () => shown.promise;
  const settling = settle();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pending(), 1);
  const looking = settlement.findLate();
  shown.resolve(receiptOf(120n));
  await Promise.all([looking, settling]);
  assert.deepEqual(await settling, { kind: 'settled', recorded: 120n });
  clock.advance(1_000);
  await settlement.findLate();
  assert.deepEqual([arrived, pending()], [[], 0]);
});

test('counts what arrives late, once, and nothing that moved another sum or failed', async () => {
  for (const [late, counts] of [
    [receiptOf(120n), true],
    [receiptOf(119n), false],
    [receiptOf(120n, 'reverted'), false],
  ] as const) {
    const { chain, arrived, settlement, settled, pending } = open();
    assert.deepEqual(await settled(), { kind: 'not-collected' });
    await settlement.findLate();
    assert.deepEqual([arrived.length, pending()], [0, 1]);
    chain.receipt = async () => late;
    await settlement.findLate();
    await settlement.findLate();
    const expected = {
      ...{ customerId: `payer:${PAYER}`, reference: `${PAYER}:7` },
      ...{ amount: 120n, txHash: HASH, used: 80n },
    };
    assert.deepEqual(arrived, counts ? [expected] : []);
    assert.equal(pending(), 0);
  }
});

test('finds a late payment by the transaction that replaced it, or by the one that was replaced', async () => {
  for (const mined of [HASH, OTHER_HASH]) {
    const { chain, arrived, settlement, settled, store, pending } = open();
    await settled();
    replacePending(store, HASH, OTHER_HASH);
    chain.receipt = async (hash) => (hash === mined ? { ...receiptOf(120n), hash: mined } : null);
    await settlement.findLate();
    const found = arrived.map(({ txHash, used }) => [txHash, used]);
    assert.deepEqual([found, pending()], [[[mined, 80n]], 0]);
  }
});

test('forgets a transaction that isn’t in a block long after its permit has expired', async () => {
  const { clock, chain, settlement, settled, pending } = open();
  chain.fails = down();
  await settled();
  clock.advance(NOW_MS + 900_000 + 600_000 - clock.now());
  await settlement.findLate();
  assert.equal(pending(), 1);
  clock.advance(1_000);
  await settlement.findLate();
  assert.equal(pending(), 0);
});

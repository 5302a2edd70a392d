/**
 * Verifies: a payment that was sent and whose result wasn't seen is recorded before it is sent, and counts for its payer once
 *   the chain shows it.
 * Setup: a facilitator and a chain of this test, and a store in memory.
 * Fails if: a transaction that arrives late is lost or counts twice, one that moved something else counts, or records stay.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id as hashOfText } from 'ethers';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import { currentOperation } from '../../../main/adapters/x402/chain/operation.ts';
import type { UptoPayment } from '../../../main/adapters/x402/selling/upto-authorization.ts';
import { createUptoSettlement } from '../../../main/adapters/x402/selling/upto-settlement.ts';
import type { ArrivedPayment } from '../../../main/ports/customers.ts';
import type { Hex, TransactionReceipt } from '../../../main/ports/evm.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const NOW_MS = 1_700_000_000_000;
const HASH: Hex = `0x${'ab'.repeat(32)}`;
const PAYER = `0x${'11'.repeat(20)}`;
const PAYOUT = `0x${'22'.repeat(20)}`;
const network = practiceNetwork('http://127.0.0.1:1');
const token = network.token.address;

const payment: UptoPayment = {
  accepted: {
    ...{ scheme: 'upto', network: network.id, asset: token, amount: '500', payTo: PAYOUT },
    ...{ maxTimeoutSeconds: 900, extra: {} },
  },
  signature: '0x',
  permit: {
    ...{ from: PAYER, permitted: { token, amount: '500' }, spender: PAYOUT, nonce: '7' },
    deadline: String(NOW_MS / 1_000 + 900),
    witness: { to: PAYOUT, facilitator: PAYOUT, validAfter: '0' },
  },
  payload: {} as UptoPayment['payload'],
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

function open() {
  const clock = manualClock(NOW_MS);
  const store = createMemoryRecordStore();
  const chain: { receipt: TransactionReceipt | null; isSent: boolean; fails: AppError | null } = {
    ...{ receipt: null, isSent: true, fails: null },
  };
  const arrived: ArrivedPayment[] = [];
  const settlement = createUptoSettlement({
    ...{ network, store, clock },
    reader: { receipt: async () => chain.receipt },
    own: {
      verify: () => Promise.reject(new Error('unused')),
      getSupported: () => Promise.reject(new Error('unused')),
      async settle(_, { amount: value }) {
        assert.equal(value, '120', 'the part that was used');
        if (chain.isSent) currentOperation()?.beforeBroadcast('settle', HASH, false);
        if (chain.fails !== null) throw chain.fails;
        return { success: false, transaction: '', network: network.id as `${string}:${string}` };
      },
    },
    arrived: (each) => void arrived.push(each),
  });
  const settle = () => settlement.settle(payment, amount(120n), (each) => each.amount);
  const pending = () => store.list('x402-upto-pending').length;
  return { clock, chain, arrived, settlement, settle, pending };
}

test('reports a payment that the chain shows, whatever the facilitator reports', async () => {
  const { chain, settle, pending } = open();
  chain.receipt = receiptOf(120n);
  assert.equal(await settle(), 120n);
  assert.equal(pending(), 0);
});

test('counts what arrives late, once, and nothing that moved another sum or failed', async () => {
  for (const [late, counts] of [
    [receiptOf(120n), true],
    [receiptOf(119n), false],
    [receiptOf(120n, 'reverted'), false],
  ] as const) {
    const { chain, arrived, settlement, settle, pending } = open();
    chain.fails = new AppError('chain-unavailable', 'The node is down.');
    assert.equal(await settle(), null);
    await settlement.findLate();
    assert.deepEqual([arrived.length, pending()], [0, 1]);
    chain.receipt = late;
    await settlement.findLate();
    await settlement.findLate();
    const expected = { customerId: `payer:${PAYER}`, reference: `${PAYER}:7`, amount: 120n, txHash: HASH };
    assert.deepEqual(arrived, counts ? [expected] : []);
    assert.equal(pending(), 0);
  }
});

test('forgets a transaction that isn’t in a block long after its permit has expired', async () => {
  const { clock, settlement, settle, pending } = open();
  assert.equal(await settle(), null);
  clock.advance(900_000 + 600_000);
  await settlement.findLate();
  assert.equal(pending(), 1);
  clock.advance(1_000);
  await settlement.findLate();
  assert.equal(pending(), 0);
});

test('records nothing for a payment that was not sent', async () => {
  const { chain, settle, pending } = open();
  chain.isSent = false;
  assert.equal(await settle(), null);
  assert.equal(pending(), 0);
});

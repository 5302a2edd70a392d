/**
 * Verifies: a job whose `upto` payment was sent and not seen yet is found by its records, also if its transaction was replaced.
 * Setup: records as the settlement stores them, those of earlier versions, and damaged ones.
 * Fails if: the recovery of jobs would charge an answer to the balance whose own payment is on its way, another answer would
 *   wait for that payment, or one that was recorded would still count as on its way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPaymentPending, replacePending } from '../../../main/adapters/x402/index.ts';
import { payerCustomerId } from '../../../shared/customers.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const PENDING = 'x402-upto-pending';
const PAYER = `0x${'Ab'.repeat(20)}`;
const OTHER = payerCustomerId(`0x${'cd'.repeat(20)}`);
const channelId = payerCustomerId(PAYER);
const pending = { hash: '0x1', from: PAYER, to: '0x2', value: '5', deadline: '9' };
const never = () => false;

function storeOf(record: object) {
  const store = createMemoryRecordStore();
  store.set(PENDING, 'damaged', '"{"');
  store.set(PENDING, 'reference', JSON.stringify(record));
  return store;
}

test('finds the job of a payment that is on its way, and no other one of its payer', () => {
  const store = storeOf({ ...pending, job: 'paid' });
  assert.equal(isPaymentPending(store, never, { id: 'paid', channelId }), true);
  assert.equal(isPaymentPending(store, never, { id: 'other', channelId }), false);
  assert.equal(isPaymentPending(createMemoryRecordStore(), never, { id: 'paid', channelId }), false);
});

test('takes each job of its payer for that of a payment that names none', () => {
  const store = storeOf(pending);
  assert.equal(isPaymentPending(store, never, { id: 'any', channelId }), true);
  assert.equal(isPaymentPending(store, never, { id: 'any', channelId: OTHER }), false);
});

test('counts a payment that the ledger has as arrived', () => {
  const store = storeOf({ ...pending, job: 'paid' });
  const isRecorded = (reference: string) => reference === 'reference';
  assert.equal(isPaymentPending(store, isRecorded, { id: 'paid', channelId }), false);
});

test('notes each transaction that replaced another one, and ignores those of other payments', () => {
  const store = storeOf({ ...pending, job: 'paid' });
  for (const [earlier, hash] of [
    ['0x1', '0x3'],
    ['0x7', '0x8'],
    ['0x3', '0x4'],
  ] as const) {
    replacePending(store, earlier, hash);
  }
  const { hash, earlier } = JSON.parse(store.get(PENDING, 'reference') ?? '');
  assert.deepEqual([hash, earlier], ['0x4', ['0x1', '0x3']]);
});

/**
 * Verifies: a customer whose `upto` payment was sent and not seen yet is found by its records.
 * Setup: records as the settlement stores them, and damaged ones.
 * Fails if: the recovery of jobs would charge an answer to the balance whose own payment is on its way, or another
 *   customer's answer would wait for that payment.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPaymentPending } from '../../../main/adapters/x402/index.ts';
import { payerCustomerId } from '../../../shared/customers.ts';

const PAYER = `0x${'Ab'.repeat(20)}`;

test('finds the payer of a payment that is on its way, and nobody else', () => {
  const pending = { hash: '0x1', from: PAYER, to: '0x2', value: '5', deadline: '9' };
  const store = {
    list: () => [
      { key: 'damaged', value: '{' },
      { key: 'reference', value: JSON.stringify(pending) },
    ],
  };
  assert.equal(isPaymentPending(store, payerCustomerId(PAYER)), true);
  assert.equal(isPaymentPending(store, payerCustomerId(`0x${'cd'.repeat(20)}`)), false);
  assert.equal(isPaymentPending({ list: () => [] }, payerCustomerId(PAYER)), false);
});

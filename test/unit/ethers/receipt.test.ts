/**
 * Verifies: a receipt's fee is the whole fee.
 * Setup: receipts in the format of nodes, with and without a rollup's data fee.
 * Fails if: the ledger records less than the wallet paid on Base.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiptSchema, toReceipt } from '../../../main/adapters/ethers/rpc-shapes.ts';

const PLAIN = {
  status: '0x1',
  blockNumber: '0x10',
  blockHash: `0x${'ab'.repeat(32)}`,
  gasUsed: '0x5208',
  effectiveGasPrice: '0x3b9aca00',
  logs: [],
};

test('a fee is gas times its price, plus a rollup’s data fee', () => {
  const feeOf = (answer: object) => {
    const receipt = receiptSchema.parse(answer);
    return receipt === null ? null : toReceipt('0x01', receipt).fee;
  };
  const gas = 21_000n * 10n ** 9n;
  assert.equal(feeOf(PLAIN), gas);
  assert.equal(feeOf({ ...PLAIN, l1Fee: '0x4d2' }), gas + 1_234n);
  assert.equal(feeOf({ ...PLAIN, l1Fee: null }), gas);
});

/**
 * Verifies: `customers payout` answers only the confirmation of its own payout.
 * Setup: summaries of transfers that may wait for a confirmation at the same time.
 * Fails if: the command confirms a transfer to the same address that a page asked for, another customer's payout or one to
 *   another address, or misses its own because of spaces or the case of letters.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPayoutTo } from '../../../main/agent-commands/storefront.ts';
import { keyCustomerId, payerCustomerId } from '../../../shared/customers.ts';

const ID = '0011223344556677';
const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const OTHER = `0x${'55'.repeat(20)}`;
const payout = { customerId: keyCustomerId(ID), name: 'Ada' };

test('recognizes the payout of a key by customer and address', () => {
  const isMine = isPayoutTo({ who: ` ${ID}`, to: ` ${TO.toLowerCase()} ` });
  assert.equal(isMine({ action: 'send', to: TO, payout }), true);
  assert.equal(isMine({ action: 'send', to: TO, payout: null }), false, 'a transfer of a page');
  assert.equal(isMine({ action: 'speed-up', to: TO, payout }), false);
  assert.equal(isMine({ action: 'send', to: OTHER, payout }), false);
  const another = { ...payout, customerId: keyCustomerId('8899aabbccddeeff') };
  assert.equal(isMine({ action: 'send', to: TO, payout: another }), false);
});

test('recognizes the payout of a payer to its own address', () => {
  const isMine = isPayoutTo({ who: TO });
  const own = { customerId: payerCustomerId(TO), name: null };
  assert.equal(isMine({ action: 'send', to: TO, payout: own }), true);
  assert.equal(isMine({ action: 'send', to: OTHER, payout: own }), false);
  assert.equal(isMine({ action: 'send', to: TO, payout }), false);
});

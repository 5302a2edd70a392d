/**
 * Verifies: what is remembered of a payment's signature is the same as verifying it again, and nothing more.
 * Setup: vouchers that this test signs, the real recovery of their signers, counted, and the hashes of two chains.
 * Fails if: a signature is recovered twice for one request, or one that was verified for a voucher counts for another
 *   amount, another channel or another chain.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SigningKey } from 'ethers';
import { createAccount } from '../../../main/adapters/ethers/index.ts';
import { recoverSigner } from '../../../main/adapters/secp256k1/index.ts';
import { createRecent, recoverOnce } from '../../../main/adapters/x402/selling/recent.ts';
import {
  createVoucherHashes,
  isSignedBy,
  type SignedVoucher,
} from '../../../main/adapters/x402/selling/voucher-signature.ts';
import type { Hex } from '../../../main/ports/evm.ts';

const KEY: Hex = `0x${'3'.repeat(64)}`;
const { address } = createAccount(KEY);
const here = createVoucherHashes(31_337);
const elsewhere = createVoucherHashes(8_453);
const CHANNEL = `0x${'a'.repeat(64)}`;

function signed(maxClaimableAmount: string): SignedVoucher {
  const voucher = { channelId: CHANNEL, maxClaimableAmount };
  return { ...voucher, signature: new SigningKey(KEY).sign(here.digest(voucher)).serialized };
}

function counted() {
  const recoveries = { count: 0 };
  const recover = recoverOnce((digest, signature) => {
    recoveries.count += 1;
    return recoverSigner(digest, signature);
  });
  return { recoveries, recover };
}

test('a voucher that is verified again is recovered once, whether it is valid or not', () => {
  const { recoveries, recover } = counted();
  const voucher = signed('500');
  for (const time of [1, 2, 3]) {
    assert.equal(isSignedBy(address, voucher, here, recover), true, `time ${time}`);
    assert.equal(isSignedBy(`0x${'5'.repeat(40)}`, voucher, here, recover), false, `time ${time}`);
  }
  assert.equal(recoveries.count, 1);
  const broken = { ...voucher, signature: `0x${'0'.repeat(130)}` };
  for (const time of [1, 2]) assert.equal(isSignedBy(address, broken, here, recover), false, `time ${time}`);
  assert.equal(recoveries.count, 2);
});

test('a signature of one voucher counts for no other amount, channel or chain', () => {
  const { recoveries, recover } = counted();
  const voucher = signed('500');
  assert.equal(isSignedBy(address, voucher, here, recover), true);
  const others: readonly SignedVoucher[] = [
    { ...voucher, maxClaimableAmount: '501' },
    { ...voucher, channelId: `0x${'b'.repeat(64)}` },
    { ...voucher, signature: signed('600').signature },
  ];
  for (const other of others) assert.equal(isSignedBy(address, other, here, recover), false);
  assert.equal(isSignedBy(address, voucher, elsewhere, recover), false, 'another chain');
  assert.equal(recoveries.count, 5);
  assert.equal(isSignedBy(address, voucher, here, recover), true, 'and its own chain as before');
});

test('only the last few texts are remembered, and none that is longer than a payment', () => {
  const recent = createRecent<number>();
  const computed: string[] = [];
  const ask = (text: string) => recent(text, () => computed.push(text));
  for (let index = 0; index < 64; index += 1) ask(`text ${index}`);
  ask('text 0');
  assert.equal(computed.length, 64, 'all of them are remembered');
  ask('one more');
  ask('text 0');
  assert.equal(computed.length, 66, 'the oldest one is forgotten');
  const long = 'x'.repeat(8_193);
  ask(long);
  ask(long);
  assert.equal(computed.length, 68);
});

/**
 * Verifies: the fast check gives exactly ethers' result for every signature.
 * Setup: signatures valid and invalid in every way we know, drawn from a seed (IDLEWATT_SEED, printed), each checked
 * by both; and again as vouchers with another signer, channel, amount or chain.
 * Fails if: a job is sold for a worthless voucher, or an honest payer is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recoverSigner } from '../../../main/adapters/secp256k1/index.ts';
import { createVoucherHashes, isSignedBy, isTakenByChain } from '../../../main/adapters/x402/index.ts';
import {
  drawVouchers,
  ethersAccepts,
  ethersRecovers,
  hashOf,
  SEED,
} from '../../../scripts/bench/voucher-samples.ts';

/** About 25 of each kind. Signing and recovering one takes ethers about 10 ms. */
const SAMPLES = [...drawVouchers(300, SEED)];

test('recovers the same signer as ethers, or none like ethers', (context) => {
  context.diagnostic(`seed ${SEED}`);
  const kinds = new Map<string, number>();
  for (const sample of SAMPLES) {
    const digest = hashOf(sample);
    const expected = ethersRecovers(digest, sample.voucher.signature);
    assert.equal(recoverSigner(digest, sample.voucher.signature), expected, `${sample.kind} ${SEED}`);
    kinds.set(sample.kind, (kinds.get(sample.kind) ?? 0) + 1);
  }
  assert.equal(kinds.size, 12, [...kinds.keys()].join(' '));
});

test('accepts and rejects the same vouchers as ethers', () => {
  const hashes = createVoucherHashes(31_337);
  for (const sample of SAMPLES) {
    const accepted = isSignedBy(sample.signer, sample.voucher, hashes, recoverSigner);
    assert.equal(accepted, ethersAccepts(sample), `${sample.kind} ${SEED}`);
    if (sample.kind === 'good') assert.ok(accepted && isTakenByChain(sample.voucher.signature));
    if (sample.kind === 'v-0-or-1' || sample.kind === 'compact') {
      assert.ok(
        accepted && !isTakenByChain(sample.voucher.signature),
        'readable, but worthless on the chain',
      );
    }
  }
});

test('an invalid digest or signature has no signer', () => {
  assert.equal(recoverSigner(new Uint8Array(31), `0x${'11'.repeat(65)}`), null);
  assert.equal(recoverSigner(new Uint8Array(32), '0x'), null);
  assert.equal(recoverSigner(new Uint8Array(32), `0x${'00'.repeat(65)}`), null);
  assert.equal(recoverSigner(new Uint8Array(32), `0x${'ff'.repeat(65)}`), null);
  assert.equal(recoverSigner(new Uint8Array(32), `0x${'zz'.repeat(65)}`), null);
});

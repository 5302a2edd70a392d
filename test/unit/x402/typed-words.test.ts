/**
 * Verifies: the hashes of payments that we compute ourselves are those of EIP-712.
 * Setup: transfers and permits of random content and of the largest and smallest content that is accepted; the digest that
 *   each check asks the signer of, compared with the one that ethers computes from types written here.
 * Fails if: a valid payment would be refused, or a signature of something else accepted, because a word is missing, too
 *   short, or in another place.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hexlify, TypedDataEncoder, type TypedDataField } from 'ethers';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import { authorizationCheck } from '../../../main/adapters/x402/selling/exact-authorization.ts';
import { createStructHash } from '../../../main/adapters/x402/selling/typed-words.ts';
import { permitCheck } from '../../../main/adapters/x402/selling/upto-authorization.ts';
import { PERMIT2_ADDRESS } from '../../../main/ports/contracts.ts';
import type { Hex, RecoverSigner } from '../../../main/ports/evm.ts';

const ROUNDS = 50;
const network = practiceNetwork('http://127.0.0.1:1');
const signature: Hex = `0x${'1'.repeat(130)}`;
const typed = (text: string): TypedDataField[] =>
  text.split(', ').map((field) => {
    const [type = '', name = ''] = field.split(' ');
    return { name, type };
  });

const TRANSFER = {
  TransferWithAuthorization: typed(
    'address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce',
  ),
};
const PERMIT = {
  PermitWitnessTransferFrom: typed(
    'TokenPermissions permitted, address spender, uint256 nonce, uint256 deadline, Witness witness',
  ),
  TokenPermissions: typed('address token, uint256 amount'),
  Witness: typed('address to, address facilitator, uint256 validAfter'),
};

/** Bytes in hex: random, and of the first rounds the smallest and the largest. */
function bytes(length: number, round: number): Hex {
  const content = round > 1 ? randomBytes(length) : Buffer.alloc(length, round * 255);
  return hexlify(content) as Hex;
}
const units = (length: number, round: number) => BigInt(bytes(length, round)).toString();

/** Catches the digest whose signer is asked for. */
function catching() {
  const digests: string[] = [];
  const recover: RecoverSigner = (digest) => {
    digests.push(hexlify(digest));
    return null;
  };
  return { digests, recover };
}

test('a transfer has the hash of EIP-712', () => {
  const { digests, recover } = catching();
  const isSigned = authorizationCheck(network, recover);
  const domain = {
    ...network.token.eip712,
    chainId: network.chainId,
    verifyingContract: network.token.address,
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const authorization = {
      ...{ from: bytes(20, round), to: bytes(20, round), nonce: bytes(32, round) },
      ...{ value: units(16, round), validAfter: units(16, round), validBefore: units(16, round) },
    };
    assert.equal(isSigned({ authorization, signature }), false);
    assert.equal(digests.at(-1), TypedDataEncoder.hash(domain, TRANSFER, authorization), `round ${round}`);
  }
});

test('a permit has the hash of EIP-712', () => {
  const { digests, recover } = catching();
  const isSigned = permitCheck(network, recover);
  const domain = { name: 'Permit2', chainId: network.chainId, verifyingContract: PERMIT2_ADDRESS };
  for (let round = 0; round < ROUNDS; round += 1) {
    const message = {
      permitted: { token: bytes(20, round), amount: units(16, round) },
      ...{ spender: bytes(20, round), nonce: units(32, round), deadline: units(16, round) },
      witness: { to: bytes(20, round), facilitator: bytes(20, round), validAfter: units(16, round) },
    };
    assert.equal(isSigned({ permit: { ...message, from: bytes(20, round) }, signature }), false);
    assert.equal(digests.at(-1), TypedDataEncoder.hash(domain, PERMIT, message), `round ${round}`);
  }
});

test('a type without a fixed length is refused when the check is made, not when a payment comes', () => {
  assert.throws(() => createStructHash({ Note: typed('string text') }), /no word is written/);
});

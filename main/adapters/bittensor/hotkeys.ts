/** Hotkeys with @scure/sr25519, which is plain JavaScript, and their addresses (SS58). */
import { randomBytes } from 'node:crypto';
import { blake2b } from '@noble/hashes/blake2.js';
import { sha3_256 } from '@noble/hashes/sha3.js';
import { base58, hex, utf8 } from '@scure/base';
import { getPublicKey, secretFromSeed, sign, verify } from '@scure/sr25519';
import { AppError } from '../../../shared/errors.ts';
import type { Hotkeys } from '../../ports/hotkeys.ts';

/** The prefix of addresses that belong to no network of their own, which Bittensor uses. */
const PREFIX = 42;
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
const CHECKSUM_START = utf8.decode('SS58PRE');
const SEED_BYTES = 32;

export const hotkeys: Hotkeys = {
  newSeed: () => randomBytes(SEED_BYTES).toString('hex'),
  open(seed) {
    if (!/^(0x)?[0-9a-fA-F]{64}$/.test(seed)) {
      throw new AppError('bad-request', `The seed of a hotkey must be ${SEED_BYTES} bytes in hex.`);
    }
    const secret = secretFromSeed(hex.decode(seed.slice(-2 * SEED_BYTES).toLowerCase()));
    return {
      address: addressOf(getPublicKey(secret)),
      sign: (message) => `0x${hex.encode(sign(secret, utf8.decode(message)))}`,
    };
  },
  isAddress: (text) => publicKeyOf(text) !== null,
  verify({ address, message, signature }) {
    const key = publicKeyOf(address);
    if (key === null) return false;
    try {
      return verify(utf8.decode(message), hex.decode(signature.toLowerCase()), key);
    } catch {
      // The library throws for points and numbers that no signature has.
      return false;
    }
  },
  sha3: (text) => hex.encode(sha3_256(utf8.decode(text))),
};

function addressOf(key: Uint8Array): string {
  const body = Uint8Array.of(PREFIX, ...key);
  return base58.encode(Uint8Array.of(...body, ...checksumOf(body)));
}

/** Null for anything but an address of Bittensor with a correct checksum. */
function publicKeyOf(address: string): Uint8Array | null {
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(address);
  } catch {
    return null;
  }
  if (bytes.length !== 1 + KEY_BYTES + CHECKSUM_BYTES || bytes[0] !== PREFIX) return null;
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  const checksum = checksumOf(body);
  return checksum.every((byte, index) => byte === bytes[body.length + index]) ? body.subarray(1) : null;
}

function checksumOf(body: Uint8Array): Uint8Array {
  return blake2b(Uint8Array.of(...CHECKSUM_START, ...body)).subarray(0, CHECKSUM_BYTES);
}

/**
 * Recovers the signer of a signature with libsecp256k1 in WebAssembly: a provider checks a voucher before every
 * response, and JavaScript alone takes more than a millisecond for each.
 */
import { getBytes, keccak256 } from 'ethers';
import { recover } from 'tiny-secp256k1';
import type { RecoverSigner } from '../../ports/evm.ts';

const SIGNATURE = /^0x[0-9a-fA-F]{128}([0-9a-fA-F]{2})?$/;
const COMPACT_BYTES = 64;
const PARITY_BIT = 0x80;
/** Half of the curve's order. Every signature with a lower s has a second form with a higher s. */
const LOWER_S_MAX = Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex');

/** See {@link RecoverSigner}. Accepts the forms that ethers reads: `r s v` with any `v` and the lower s, and EIP-2098. */
export const recoverSigner: RecoverSigner = (digest, signature) => {
  if (digest.length !== 32 || !SIGNATURE.test(signature)) return null;
  const bytes = Buffer.from(signature.slice(2), 'hex');
  const parity = takeParity(bytes);
  if (parity === null) return null;
  if (LOWER_S_MAX.compare(bytes, 32, COMPACT_BYTES) < 0) return null;
  try {
    const key = recover(digest, bytes.subarray(0, COMPACT_BYTES), parity, false);
    if (key === null) return null;
    const hash = getBytes(keccak256(key.subarray(1)));
    return `0x${Buffer.from(hash.buffer, hash.byteOffset + 12, 20).toString('hex')}`;
  } catch {
    // r or s is outside the curve's range: an invalid signature.
    return null;
  }
};

/**
 * Returns the parity that selects one of the two matching keys, from `v` (0, 1, 27, 28, or from 35 on as in
 * EIP-155); null for another `v`. In the compact form the parity is the first bit of s, which is cleared here.
 */
function takeParity(bytes: Buffer): 0 | 1 | null {
  const v = bytes[COMPACT_BYTES];
  if (v === undefined) {
    const s = bytes[32] ?? 0;
    bytes[32] = s & ~PARITY_BIT;
    return s & PARITY_BIT ? 1 : 0;
  }
  if (v === 0 || v === 1) return v;
  if (v !== 27 && v !== 28 && v < 35) return null;
  return v % 2 === 1 ? 0 : 1;
}

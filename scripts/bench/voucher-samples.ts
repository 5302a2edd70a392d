/** Draws valid vouchers and every known kind of invalid one from a seed, with ethers as the reference verifier. */
import {
  computeAddress,
  concat,
  getBytes,
  keccak256,
  N,
  recoverAddress,
  type Signature,
  SigningKey,
  TypedDataEncoder,
  toBeHex,
  verifyTypedData,
} from 'ethers';
import type { Hex } from '../../main/ports/evm.ts';

export const SEED = Number(process.env.IDLEWATT_SEED ?? Date.now() % 2 ** 31);

const CHAIN_ID = 31_337;
const TYPES = {
  Voucher: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
  ],
};
const KINDS = [
  'good',
  'other-signer',
  'other-channel',
  'other-amount',
  'other-chain',
  'high-s',
  'v-0-or-1',
  'v-swapped',
  'v-any',
  'compact',
  'garbage',
  'truncated',
] as const;

export interface VoucherSample {
  readonly kind: (typeof KINDS)[number];
  /** Address of the expected signer. */
  readonly signer: Hex;
  readonly voucher: { readonly channelId: Hex; readonly maxClaimableAmount: string; readonly signature: Hex };
}

/** Returns vouchers of which half are valid and the rest cycle through the invalid kinds. */
export function drawVouchers(count: number, seed: number): VoucherSample[] {
  const random = drawFrom(seed);
  const keys = Array.from({ length: 8 }, () => new SigningKey(random()));
  const keyAt = (index: number): SigningKey => keys[index % keys.length] as SigningKey;
  return Array.from({ length: count }, (_, index) => {
    const bad = KINDS[1 + (Math.floor(index / 2) % (KINDS.length - 1))];
    const kind = index % 2 === 0 || bad === undefined ? 'good' : bad;
    const key = keyAt(index);
    const channelId = random();
    const maxClaimableAmount = BigInt(random()) >> 160n;
    const signed = (kind === 'other-signer' ? keyAt(index + 1) : key).sign(
      TypedDataEncoder.hash(domainOf(kind === 'other-chain' ? 8_453 : CHAIN_ID), TYPES, {
        channelId: kind === 'other-channel' ? random() : channelId,
        maxClaimableAmount: kind === 'other-amount' ? maxClaimableAmount + 1n : maxClaimableAmount,
      }),
    );
    const signature = tamper(kind, signed, random);
    return {
      kind,
      signer: computeAddress(key).toLowerCase() as Hex,
      voucher: { channelId, maxClaimableAmount: maxClaimableAmount.toString(), signature },
    };
  });
}

/** Returns the signature's bytes, changed as the kind requires. */
function tamper(
  kind: VoucherSample['kind'],
  { r, s, v, compactSerialized }: Signature,
  random: () => Hex,
): Hex {
  const of = (...parts: readonly string[]): Hex => concat(parts) as Hex;
  const byte = Number(BigInt(random()) & 0xffn);
  switch (kind) {
    case 'high-s':
      return of(r, toBeHex(N - BigInt(s), 32), toBeHex(55 - v, 1));
    case 'v-0-or-1':
      return of(r, s, toBeHex(v - 27, 1));
    case 'v-swapped':
      return of(r, s, toBeHex(55 - v, 1));
    case 'v-any':
      return of(r, s, toBeHex(byte, 1));
    case 'compact':
      return compactSerialized as Hex;
    case 'garbage':
      return of(random(), random(), toBeHex(27 + (byte & 1), 1));
    case 'truncated':
      return of(r, s, toBeHex(v, 1)).slice(0, 2 + 2 * (byte % 65)) as Hex;
    default:
      return of(r, s, toBeHex(v, 1));
  }
}

/** Returns the digest of the sample's voucher as ethers computes it. */
export function hashOf({ voucher }: VoucherSample): Uint8Array {
  const { channelId, maxClaimableAmount } = voucher;
  return getBytes(TypedDataEncoder.hash(domainOf(CHAIN_ID), TYPES, { channelId, maxClaimableAmount }));
}

export function ethersRecovers(digest: Uint8Array, signature: Hex): string | null {
  try {
    return recoverAddress(digest, signature).toLowerCase();
  } catch {
    // ethers throws if no address can be recovered from the signature.
    return null;
  }
}

export function ethersAccepts({ signer, voucher }: VoucherSample): boolean {
  const { signature, ...message } = voucher;
  try {
    return verifyTypedData(domainOf(CHAIN_ID), TYPES, message, signature).toLowerCase() === signer;
  } catch {
    return false;
  }
}

function domainOf(chainId: number) {
  const verifyingContract = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
  return { name: 'x402 Batch Settlement', version: '1', chainId, verifyingContract };
}

/** Returns 32 pseudorandom bytes per call. For tests only: not cryptographically secure. */
function drawFrom(seed: number): () => Hex {
  let state = keccak256(toBeHex(seed, 32));
  return () => {
    state = keccak256(state);
    return state as Hex;
  };
}

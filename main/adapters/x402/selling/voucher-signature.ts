/** EIP-712 hashes of vouchers, and the check of which signature forms the settlement contract accepts at the claim. */
import { getBytes, hexlify, keccak256, recoverAddress, TypedDataEncoder, toUtf8Bytes } from 'ethers';
import { SETTLEMENT_ADDRESS } from '../../../ports/contracts.ts';
import type { Hex, RecoverSigner } from '../../../ports/evm.ts';
import type { ChannelTerms } from '../wire.ts';
import { hashHex, number, word } from './typed-words.ts';

const ZERO_ADDRESS = `0x${'0'.repeat(40)}`;
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

const CHANNEL_CONFIG_TYPEHASH = typeHash(
  'ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)',
);
const VOUCHER_TYPEHASH = typeHash('Voucher(bytes32 channelId,uint128 maxClaimableAmount)');

export interface SignedVoucher {
  readonly channelId: string;
  readonly maxClaimableAmount: string;
  readonly signature: string;
}

/** EIP-712 hashes of the settlement contract on one chain; the constant parts are computed once. */
export interface VoucherHashes {
  channelId(config: ChannelTerms): Hex;
  digest(voucher: Omit<SignedVoucher, 'signature'>): Uint8Array;
}

export function createVoucherHashes(chainId: number): VoucherHashes {
  const domain = TypedDataEncoder.hashDomain({
    name: 'x402 Batch Settlement',
    version: '1',
    chainId,
    verifyingContract: SETTLEMENT_ADDRESS,
  }).slice(2);
  const digestOf = (struct: string): string => `0x${hashHex(`1901${domain}${hashHex(struct)}`)}`;
  return {
    channelId: (config) =>
      digestOf(
        CHANNEL_CONFIG_TYPEHASH +
          [config.payer, config.payerAuthorizer, config.receiver, config.receiverAuthorizer, config.token]
            .map(word)
            .join('') +
          number(config.withdrawDelay) +
          word(config.salt),
      ) as Hex,
    digest: ({ channelId, maxClaimableAmount }) =>
      getBytes(digestOf(VOUCHER_TYPEHASH + word(channelId) + number(BigInt(maxClaimableAmount)))),
  };
}

/** True when `signer` signed the voucher, in any form of signature that libraries read. */
export function isSignedBy(
  signer: string,
  voucher: SignedVoucher,
  hashes: VoucherHashes,
  recoverSigner: RecoverSigner,
): boolean {
  return recoverSigner(hashes.digest(voucher), voucher.signature as Hex) === signer.toLowerCase();
}

/**
 * True when the contract accepts this form of a key's signature: 65 bytes, v of 27 or 28, the lower s. Libraries
 * read more forms than that; a job sold for one of those would never be paid.
 */
export function isTakenByChain(signature: string): boolean {
  if (signature.length !== 132) return false;
  const v = Number.parseInt(signature.slice(130), 16);
  return (v === 27 || v === 28) && BigInt(`0x${signature.slice(66, 130)}`) <= HALF_ORDER;
}

/**
 * True when the voucher is signed by a key in a form that the contract rejects. A contract wallet may use any
 * form, so if the channel names no key, the signature counts as a key's only if it recovers to the payer's address.
 */
export function isUnclaimable(config: ChannelTerms, voucher: SignedVoucher, hashes: VoucherHashes): boolean {
  if (isTakenByChain(voucher.signature)) return false;
  if (config.payerAuthorizer !== ZERO_ADDRESS) return true;
  try {
    const signer = recoverAddress(hexlify(hashes.digest(voucher)), voucher.signature);
    return signer.toLowerCase() === config.payer.toLowerCase();
  } catch {
    return false;
  }
}

function typeHash(type: string): string {
  return keccak256(toUtf8Bytes(type)).slice(2);
}

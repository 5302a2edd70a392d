/** Checks of EIP-712 signatures of one type and one domain, for payments that are looked at more than once. */
import { type TypedDataDomain, TypedDataEncoder, type TypedDataField } from 'ethers';
import type { Hex, RecoverSigner } from '../../../ports/evm.ts';
import { createStructHash, hashHex } from './typed-words.ts';

/** A signed message and its supposed signer. Addresses in the message are in lower case, so no checksum can be wrong. */
export interface Signed {
  readonly signer: string;
  readonly message: Record<string, unknown>;
  readonly signature: Hex;
}

/**
 * Returns a function that returns true if the signer's key signed the message that `signedOf` reads from a payment. The
 * result is stored for as long as the payment itself, which must not change.
 */
export function createSignatureCheck<Payment extends object>(parts: {
  readonly domain: TypedDataDomain;
  readonly types: Record<string, TypedDataField[]>;
  readonly signedOf: (payment: Payment) => Signed;
  readonly recoverSigner: RecoverSigner;
}): (payment: Payment) => boolean {
  const hashStruct = createStructHash(parts.types);
  const domain = TypedDataEncoder.hashDomain(parts.domain).slice(2);
  const known = new WeakMap<Payment, boolean>();
  return (payment) => {
    const checked = known.get(payment);
    if (checked !== undefined) return checked;
    const { signer, message, signature } = parts.signedOf(payment);
    const digest = Buffer.from(hashHex(`1901${domain}${hashStruct(message)}`), 'hex');
    const isSigned = parts.recoverSigner(digest, signature) === signer.toLowerCase();
    known.set(payment, isSigned);
    return isSigned;
  };
}

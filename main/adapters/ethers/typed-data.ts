/** Verifies typed data (EIP-712) that a wallet's key signed. A contract's signature (EIP-1271) counts as a wrong one. */
import { verifyTypedData as recover, type TypedDataField } from 'ethers';
import type { VerifyTypedData } from '../../ports/evm.ts';

/** See {@link VerifyTypedData}. */
export const verifyTypedData: VerifyTypedData = (address, { domain, types, message }, signature) => {
  try {
    const signer = recover(domain, types as Record<string, TypedDataField[]>, message, signature);
    return signer.toLowerCase() === address.toLowerCase();
  } catch {
    // A malformed signature counts as a wrong one.
    return false;
  }
};

/** Typed data (EIP-712): verifies the signature of a wallet's key, and writes the request to sign for any wallet. A contract's signature (ERC-1271) counts as a wrong one here. */
import { verifyTypedData as recover, TypedDataEncoder, type TypedDataField } from 'ethers';
import type { TypedData, VerifyTypedData } from '../../ports/evm.ts';

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

/** Returns the second parameter of `eth_signTypedData_v4`, with the type of the domain. */
export function rpcRequestOf({ domain, types, message }: TypedData): unknown {
  return TypedDataEncoder.getPayload(domain, types as Record<string, TypedDataField[]>, message);
}

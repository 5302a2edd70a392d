/** Signing keys as closures: no property exposes the key, so nothing can print or serialize it. */
import { type TypedDataField, Wallet } from 'ethers';
import type { Account, Hex } from '../../ports/evm.ts';

/** Creates an account for a private key of 32 bytes (hex). */
export function createAccount(privateKey: string): Account {
  const wallet = new Wallet(privateKey);
  return {
    address: wallet.address as Hex,
    signTypedData: async ({ domain, types, primaryType, message }) =>
      (await wallet.signTypedData(domain, usedTypes(types, primaryType), message)) as Hex,
    signTransaction: async (transaction) =>
      (await wallet.signTransaction({ ...transaction, type: 2 })) as Hex,
  };
}

/** Returns the types that the primary type refers to: ethers derives the primary type and rejects unused types. */
function usedTypes(types: Record<string, unknown>, primaryType: string): Record<string, TypedDataField[]> {
  const all = types as Record<string, TypedDataField[]>;
  const used: Record<string, TypedDataField[]> = {};
  const add = (name: string): void => {
    const fields = all[name];
    if (fields === undefined || used[name] !== undefined) return;
    used[name] = [...fields];
    for (const field of fields) add(field.type.replace(/\[.*$/, ''));
  };
  add(primaryType);
  return used;
}

/** EIP-712 as words of 32 bytes in hex, for types whose fields all have a fixed length: several times as fast as ethers. */
import { id, keccak256, TypedDataEncoder, type TypedDataField } from 'ethers';

/** Returns the hash of a message of the type that no other one contains, without `0x`. */
export type HashStruct = (message: Record<string, unknown>) => string;

/** Keccak-256 of bytes in hex; neither has `0x`. */
export const hashHex = (hex: string): string => keccak256(Buffer.from(hex, 'hex')).slice(2);
/** An address, or up to 32 bytes, in hex with `0x`. */
export const word = (hex: string): string => hex.slice(2).padStart(64, '0');
/** A number of at most 256 bits that isn't negative. */
export const number = (value: number | bigint): string => value.toString(16).padStart(64, '0');

/**
 * Fails for types of another length. A message's fields must have been validated: addresses and `bytes32` as hex, and
 * numbers as decimals of at most 256 bits.
 */
export function createStructHash(types: Record<string, TypedDataField[]>): HashStruct {
  const encoder = TypedDataEncoder.from(types);
  function hasherOf(name: string): HashStruct {
    const typeHash = id(encoder.encodeType(name)).slice(2);
    const fields = (types[name] ?? []).map((field) => ({ name: field.name, wordOf: wordOf(field.type) }));
    return (message) => hashHex(typeHash + fields.map((field) => field.wordOf(message[field.name])).join(''));
  }
  function wordOf(type: string): (value: unknown) => string {
    if (type === 'address' || type === 'bytes32') return (value) => word(value as string);
    if (type === 'uint256') return (value) => number(BigInt(value as string));
    if (types[type] === undefined) throw new Error(`no word is written for the type ${type}`);
    const hashOf = hasherOf(type);
    return (value) => hashOf(value as Record<string, unknown>);
  }
  return hasherOf(encoder.primaryType);
}

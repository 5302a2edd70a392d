/** Parses addresses that people enter: the EIP-55 checksum is the only protection against a typing error. */
import { getAddress, ZeroAddress } from 'ethers';
import { AppError } from '../../../shared/errors.ts';
import type { Hex } from '../../ports/evm.ts';
import type { ReadAddress } from '../../ports/wallet.ts';

/** Returns an address of the chain's own, which nobody typed, with its checksum. */
export function withChecksum(address: string): Hex {
  return getAddress(address.toLowerCase()) as Hex;
}

/** See {@link ReadAddress}. */
export const readAddress: ReadAddress = (text) => {
  const given = text.trim();
  if (!/^0x[0-9a-fA-F]{40}$/.test(given)) {
    throw new AppError('bad-request', 'This is not an address. An address is 0x and 40 hexadecimal digits.');
  }
  const checksummed = getAddress(given.toLowerCase());
  if (checksummed === ZeroAddress) {
    throw new AppError('bad-request', 'Money sent to the zero address is lost. Use another address.');
  }
  if (given === checksummed) return checksummed as Hex;
  const unmarked = given.slice(2);
  throw new AppError(
    'bad-request',
    unmarked === unmarked.toLowerCase() || unmarked === unmarked.toUpperCase()
      ? 'The address is without its checksum, so a typing error would go unnoticed. Copy it with its upper and lower case letters.'
      : 'The address’s checksum is wrong: a letter was mistyped or changed. Copy it again from its source.',
  );
};

/** Addresses as people give them: EIP-55's checksum is the only guard against a slip of the finger. */
import { getAddress, ZeroAddress } from 'ethers';
import { AppError } from '../../../shared/errors.ts';
import type { Hex } from '../../ports/evm.ts';
import type { ReadAddress } from '../../ports/wallet.ts';

/** See {@link ReadAddress}. */
export const readAddress: ReadAddress = (text) => {
  const given = text.trim();
  if (!/^0x[0-9a-fA-F]{40}$/.test(given)) {
    throw new AppError('bad-request', 'This is not an address: it has to be 0x and 40 hexadecimal digits.');
  }
  const checksummed = getAddress(given.toLowerCase());
  if (checksummed === ZeroAddress) {
    throw new AppError('bad-request', 'Nobody has the key of the zero address; what is sent there is lost.');
  }
  if (given === checksummed) return checksummed as Hex;
  const unmarked = given.slice(2);
  throw new AppError(
    'bad-request',
    unmarked === unmarked.toLowerCase() || unmarked === unmarked.toUpperCase()
      ? 'The address is without its checksum, so a typing error would not be seen. Copy it with its large and small letters.'
      : 'The address’s checksum is wrong: a letter was mistyped or changed. Copy it again from its source.',
  );
};

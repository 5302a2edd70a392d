/** The payout address that an owner set for all machines, as it is in use on this one. */
import { openKeyFolder } from './key-folder.ts';

export interface SharedPayoutFile {
  /** Null where this machine has a payout address of its own. */
  read(): string | null;
  /** Counts from the next time the wallet is opened. Nothing may be due to the former address. */
  write(address: string | null): void;
}

/** Returns the payout address that the owner named, for this machine or for all; null where it is the wallet's own. */
export function namedPayout(folder: string): string | null {
  const keys = openKeyFolder(folder);
  const named = keys.sharedPayout() ?? keys.payout();
  return named === keys.marker()?.address ? null : named;
}

export function sharedPayoutFile(folder: string): SharedPayoutFile {
  const keys = openKeyFolder(folder);
  return { read: () => keys.sharedPayout(), write: (address) => keys.writeSharedPayout(address) };
}

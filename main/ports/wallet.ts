/** The wallet's keys: one secret, three accounts with different jobs. */
import type { Account } from './evm.ts';

export interface WalletAccounts {
  /** Holds money: pays into channels, receives payouts. */
  readonly funds: Account;
  /** Signs vouchers as payer and claims as receiver; holds nothing. */
  readonly session: Account;
  /** Pays network fees; holds a little coin. */
  readonly gas: Account;
}

/** Makes and opens key files. Fails with `keystore-locked` for a wrong pass phrase or an unreadable file. */
export interface KeyTools {
  create(passphrase: string): Promise<{ readonly keystore: string; readonly accounts: WalletAccounts }>;
  open(keystore: string, passphrase: string): Promise<WalletAccounts>;
}

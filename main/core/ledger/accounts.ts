/** The accounts, in one table: what each holds and which sign its balance has when all is well. */
import type { Account } from '../../ports/ledger.ts';

export interface AccountMeaning {
  /** Grows by debits (positive lines) or by credits (negative lines). */
  readonly grows: 'debit' | 'credit';
  readonly meaning: string;
}

/** Every account exists once per asset; an asset's id names its network, so practice money stays apart. */
export const ACCOUNTS: Readonly<Record<Account, AccountMeaning>> = {
  'channels:owed': { grows: 'debit', meaning: 'Charged to requesters by vouchers, not yet claimed on chain' },
  'contract:claimed': {
    grows: 'debit',
    meaning: 'Claimed on chain, held by the contract until it is paid out',
  },
  wallet: { grows: 'debit', meaning: 'At addresses of this owner: payout, paying and gas' },
  'channels:deposited': { grows: 'debit', meaning: 'Deposited to channels as a buyer and not yet spent' },
  'income:jobs': { grows: 'credit', meaning: 'Earned by jobs that were served' },
  'expense:inference': { grows: 'debit', meaning: 'Spent on answers that were bought' },
  'fees:network': { grows: 'debit', meaning: 'Paid to the chain for transactions' },
  'equity:faucet': { grows: 'credit', meaning: 'Given by a faucet: practice and test coins' },
  'equity:opening': {
    grows: 'credit',
    meaning: 'Was there already when the books were opened, or was sent in',
  },
};

export const ACCOUNT_NAMES = Object.keys(ACCOUNTS) as readonly Account[];

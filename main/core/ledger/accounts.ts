/** The accounts, in one table: what each holds and which sign its balance has when all is well. */
import type { Account } from '../../ports/ledger.ts';

export interface AccountMeaning {
  /** Grows by debits (positive lines) or by credits (negative lines). */
  readonly grows: 'debit' | 'credit';
  readonly meaning: string;
  /** Why it may hold less than nothing; null where that never happens and a booking that would do it is refused. */
  readonly mayBeNegative: string | null;
}

const BOTH_WAYS = 'It counts what flowed, and corrections flow the other way';

/** Every account exists once per asset; an asset's id names its network, so practice money stays apart. */
export const ACCOUNTS: Readonly<Record<Account, AccountMeaning>> = {
  'channels:owed': {
    grows: 'debit',
    meaning: 'Charged to requesters by vouchers, not yet claimed on chain',
    mayBeNegative: null,
  },
  'contract:claimed': {
    grows: 'debit',
    meaning: 'Claimed on chain, held by the contract until it is paid out',
    mayBeNegative: null,
  },
  wallet: {
    grows: 'debit',
    meaning: 'At addresses of this owner: payout, paying and gas',
    mayBeNegative: 'What is sent in from outside is booked when it is seen, and may be spent before',
  },
  'channels:deposited': {
    grows: 'debit',
    meaning: 'Deposited to channels as a buyer and not yet spent',
    mayBeNegative:
      'A deposit is booked when its transaction is seen, which a crash may put after the spending',
  },
  'income:jobs': { grows: 'credit', meaning: 'Earned by jobs that were served', mayBeNegative: BOTH_WAYS },
  'expense:inference': {
    grows: 'debit',
    meaning: 'Spent on answers that were bought',
    mayBeNegative: BOTH_WAYS,
  },
  'fees:network': {
    grows: 'debit',
    meaning: 'Paid to the chain for transactions',
    mayBeNegative: BOTH_WAYS,
  },
  'equity:faucet': {
    grows: 'credit',
    meaning: 'Given by a faucet: practice and test coins',
    mayBeNegative: BOTH_WAYS,
  },
  'equity:opening': {
    grows: 'credit',
    meaning: 'Was there already when the books were opened, or was sent in',
    mayBeNegative: 'What the owner takes out elsewhere is booked against it',
  },
  'equity:sent': {
    grows: 'debit',
    meaning: 'Sent from the wallet to others by the owner',
    mayBeNegative: BOTH_WAYS,
  },
};

export const ACCOUNT_NAMES = Object.keys(ACCOUNTS) as readonly Account[];

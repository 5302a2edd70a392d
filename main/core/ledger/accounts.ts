/** Table of accounts: the meaning of each and the sign that its balance normally has. */
import type { Account } from '../../ports/ledger.ts';

export interface AccountMeaning {
  /** Grows by debits (positive lines) or by credits (negative lines). */
  readonly grows: 'debit' | 'credit';
  readonly meaning: string;
  /** Reason why the balance may fall below zero; null where it never does, and an entry that would do it is rejected. */
  readonly mayBeNegative: string | null;
}

const BOTH_WAYS = 'It counts flows, and corrections flow in the opposite direction';

/** Every account exists once per asset. An asset's ID names its network, so practice money stays separate. */
export const ACCOUNTS: Readonly<Record<Account, AccountMeaning>> = {
  'channels:owed': {
    grows: 'debit',
    meaning: 'Charged to requesters by vouchers, not yet claimed on-chain',
    mayBeNegative: null,
  },
  'contract:claimed': {
    grows: 'debit',
    meaning: 'Claimed on-chain, held by the contract until it is paid out',
    mayBeNegative: null,
  },
  wallet: {
    grows: 'debit',
    meaning: 'At this owner’s addresses: payout, paying and gas',
    mayBeNegative: 'An incoming transfer is recorded when it is detected, and may be spent before that',
  },
  'channels:deposited': {
    grows: 'debit',
    meaning: 'Deposited into payment channels as a buyer, not yet spent',
    mayBeNegative:
      'A deposit is recorded when its transaction is detected, which after a crash may be later than the spending',
  },
  'income:jobs': { grows: 'credit', meaning: 'Earned by served jobs', mayBeNegative: BOTH_WAYS },
  'income:relaying': {
    grows: 'credit',
    meaning: 'Earned as a relay, by forwarding for other machines',
    mayBeNegative: BOTH_WAYS,
  },
  'expense:inference': {
    grows: 'debit',
    meaning: 'Spent on bought responses',
    mayBeNegative: BOTH_WAYS,
  },
  'expense:relaying': {
    grows: 'debit',
    meaning: 'Spent on relays over which this machine is reached',
    mayBeNegative: BOTH_WAYS,
  },
  'fees:network': {
    grows: 'debit',
    meaning: 'Network fees paid for transactions',
    mayBeNegative: BOTH_WAYS,
  },
  'equity:faucet': {
    grows: 'credit',
    meaning: 'Received from a faucet: practice and test coins',
    mayBeNegative: BOTH_WAYS,
  },
  'equity:opening': {
    grows: 'credit',
    meaning: 'Present when the ledger was opened, or sent in from outside',
    mayBeNegative: 'Withdrawals that the owner makes elsewhere are recorded against it',
  },
  'equity:sent': {
    grows: 'debit',
    meaning: 'Sent from the wallet to other addresses by the owner',
    mayBeNegative: BOTH_WAYS,
  },
  'customers:balance': {
    grows: 'credit',
    meaning: 'Paid in advance by customers of the storefront, not used yet',
    mayBeNegative: null,
  },
  'customers:elsewhere': {
    grows: 'debit',
    meaning: 'Paid to the owner outside of the wallet for balances of customers',
    mayBeNegative: BOTH_WAYS,
  },
  'customers:payouts': {
    grows: 'credit',
    meaning: 'Taken from balances of customers to be paid out, until the transaction is final',
    mayBeNegative: null,
  },
  standing: {
    grows: 'debit',
    meaning: 'Standing in a network that doesn’t pay money: kudos of an AI Horde',
    mayBeNegative: null,
  },
};

export const ACCOUNT_NAMES = Object.keys(ACCOUNTS) as readonly Account[];

/** Options and events of the payment client. */
import type { Amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Account, ChainReader, ChainSender } from '../../../ports/evm.ts';
import type { DepositLimits } from '../../../ports/payments.ts';
import type { Durability, RecordStore } from '../../../ports/store.ts';

export interface PayerOptions {
  readonly network: ChainNetwork;
  /** Owns the money in the channels. Signs deposits only. */
  readonly funds: Account;
  /** Signs vouchers. */
  readonly session: Account;
  readonly chain: ChainReader;
  /** Sends withdrawals from the address of `funds`; without it deposits come back through providers only. */
  readonly sender?: ChainSender;
  readonly store: RecordStore;
  /** Defers the records of single requests. Default: each is on disk immediately. */
  readonly durability?: Durability;
  readonly clock: Clock;
  /** Decides the amount of each deposit. */
  readonly limits: DepositLimits;
  /** Maximum channels with one provider, and so of concurrent requests to it. */
  readonly channelsMax: number;
  /** Called for a deposit that became final; for the ledger. */
  readonly onDeposit?: (deposit: PaidDeposit) => void;
  /** Called when the response to a deposit was lost: only the chain shows whether the deposit was made. */
  readonly onDepositUnknown?: () => void;
  /** Called with a channel's total charge, learned after a response was lost; for the ledger. */
  readonly onCharged?: (charge: LearnedCharge) => void;
}

/** The total charge of a channel over its life. */
export interface LearnedCharge {
  readonly peer: string;
  readonly channelId: string;
  readonly total: Amount;
  /** True if a purchase of this run accounts for it; otherwise nothing has counted it in the budget. */
  readonly isAccounted: boolean;
  /** True if the provider has proven it now: nothing more was charged. */
  readonly isLatest: boolean;
}

/** Money that moved from the wallet into a channel. */
export interface PaidDeposit {
  readonly peer: string;
  readonly channelId: string;
  readonly amount: Amount;
  /** The channel's balance now, including earlier deposits. */
  readonly total: Amount;
  readonly txHash: string;
}

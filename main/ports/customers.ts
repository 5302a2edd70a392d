/** Balances of customers of the storefront, who pay in advance. */
import type { Amount } from '../../shared/money.ts';

/** A payment in advance that arrived in the wallet. */
export interface ArrivedPayment {
  readonly customerId: string;
  /** Unique: a payment counts once. */
  readonly reference: string;
  readonly amount: Amount;
  readonly txHash: string;
}

/** Part of a balance that one request may use. Exactly one of its functions is called, once. */
export interface CustomerHold {
  /** Charges a part of it, which the ledger records with the job's next step. `cumulative` counts all jobs so far. */
  charge(charged: Amount): { readonly charged: Amount; readonly cumulative: Amount };
  release(): void;
}

export interface CustomerAccounts {
  /** Base units that are neither used nor held. */
  available(customerId: string): Amount;
  /** Records a payment in the ledger; durable when it returns. */
  arrived(payment: ArrivedPayment): void;
  /** Records a payment for an answer that was given as an unpaid one, and what that answer used, once; durable. */
  paidLate(payment: ArrivedPayment, used: Amount): void;
  /** Records a payment that arrived for an answer that was given before it, and charges a part of it. */
  payFor(payment: ArrivedPayment, used: Amount): { readonly charged: Amount; readonly cumulative: Amount };
  /** Charged by all jobs so far. */
  charged(customerId: string): Amount;
  /** Null if less than that is available. Fails with `busy` if the customer has too many requests in progress. */
  hold(customerId: string, most: Amount): CustomerHold | null;
}

/** Services of the wallet for pages, desktop shell and terminal; each method is one procedure of the API. */
import type { PreparedSpend, SpendSummary, WalletTransaction } from '../../../shared/api/wallet.ts';
import type { Amount } from '../../../shared/money.ts';
import type { SecretKind, SecretSource } from '../../ports/wallet.ts';
import type { PayoutStanding } from './payout-standing.ts';
import type { PayoutOfCustomer } from './transactions.ts';

/** The amount `all` is the whole balance; for the coin, minus the fee. */
export interface SpendRequest {
  readonly asset: 'token' | 'coin';
  readonly to: string;
  readonly amount: string;
  readonly smallTest: boolean;
}

/** Takes transfers from prepared to final. Failures are documented in `shared/api/wallet.ts`. */
export interface Spending {
  prepare(request: SpendRequest): Promise<PreparedSpend>;
  /** Waits for the owner's confirmation. */
  send(id: string): Promise<WalletTransaction>;
  speedUp(hash: string): Promise<WalletTransaction>;
  cancel(hash: string): Promise<WalletTransaction>;
  history(limit: number): readonly WalletTransaction[];
}

/** A payout that can be sent once. */
export interface CustomerQuote {
  /** Waits for the owner's confirmation, and sends it. Fails like `wallet.requestSend`. */
  pay(payout: PayoutOfCustomer): Promise<WalletTransaction>;
}

/** Pays balances out to customers of the storefront, from the wallet's funds. */
export interface CustomerPayments {
  /** Quotes a payout; `amount` in base units of the token. Fails like `wallet.prepareSend`. */
  quoteCustomer(request: { readonly to: string; readonly amount: Amount }): Promise<CustomerQuote>;
  /**
   * Returns whether it was sent, as the last check shows. One that the chain has never seen is `unpaid` without the chain; otherwise it
   * may fail with `chain-unavailable` or `chain-mismatch`.
   */
  payoutStanding(reference: string): Promise<PayoutStanding>;
  /** Checks the chain once, now. */
  check(): Promise<void>;
}

/** Confirmation of transfers by the owner, outside of the pages. */
export interface Confirmations {
  /** Resolves when confirmed; fails with `not-permitted` when declined, or at `summary.expiresAtMs`. */
  ask(summary: SpendSummary): Promise<void>;
  waiting(): readonly { readonly id: string; readonly summary: SpendSummary }[];
  /** Fails with `not-found` if the transfer is no longer waiting. */
  answer(id: string, approved: boolean): void;
  /** Calls the listener with each transfer that starts to wait; returns its unsubscribe. */
  onAsked(listener: (id: string, summary: SpendSummary) => void): () => void;
}

/** All operations with secrets. Each call opens the key file again and keeps nothing of it. */
export interface Secrets {
  revealPhrase(passphrase: string): Promise<readonly string[]>;
  exportKeystore(passphrase: string, exportPassphrase: string): Promise<string>;
  startDrill(passphrase: string): Promise<{ readonly id: string; readonly positions: readonly number[] }>;
  answerDrill(id: string, words: readonly string[]): boolean;
  importWallet(
    source: SecretSource,
    passphrase: string,
  ): Promise<{ readonly address: string; readonly kind: SecretKind }>;
  setPayoutAddress(address: string | null): void;
}

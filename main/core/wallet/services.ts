/** What the wallet does for pages, shell and terminal; the API's procedures one to one. */
import type { PreparedSpend, SpendSummary, WalletTransaction } from '../../../shared/api/wallet.ts';
import type { SecretKind, SecretSource } from '../../ports/wallet.ts';

/** `all`: everything that is there; of the coin, minus the fee. */
export interface SpendRequest {
  readonly asset: 'token' | 'coin';
  readonly to: string;
  readonly amount: string;
  readonly smallTest: boolean;
}

/** Spends from prepared to final. Failures are those that `shared/api/wallet.ts` names. */
export interface Spending {
  prepare(request: SpendRequest): Promise<PreparedSpend>;
  /** Waits for the owner's answer. */
  send(id: string): Promise<WalletTransaction>;
  speedUp(hash: string): Promise<WalletTransaction>;
  cancel(hash: string): Promise<WalletTransaction>;
  history(limit: number): readonly WalletTransaction[];
}

/** The owner's yes or no, given outside of the pages. */
export interface Confirmations {
  /** Resolves when approved; fails with `not-permitted` when declined, or at `summary.expiresAtMs`. */
  ask(summary: SpendSummary): Promise<void>;
  waiting(): readonly { readonly id: string; readonly summary: SpendSummary }[];
  /** Fails with `not-found` when it is not waiting any more. */
  answer(id: string, approved: boolean): void;
  /** Called with each spend that begins to wait; returns its unsubscribe. */
  onAsked(listener: (id: string, summary: SpendSummary) => void): () => void;
}

/** Everything with a secret in it. Each call opens the key file anew and keeps nothing of it. */
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

/**
 * Chooses the passphrase for the agent: the stored one, or one that the owner typed, which is stored once it has
 * worked.
 */
import type { ErrorCode } from '../../shared/errors.ts';
import {
  findPassphrase,
  type PassphraseSource,
  type WalletSecret,
  type WalletSecretStore,
} from './wallet-secret.ts';

export class WalletUnlock {
  readonly #source: PassphraseSource;
  readonly #store: WalletSecretStore;
  #typed: string | null = null;
  #agentHome: string | null = null;

  constructor(options: { readonly source: PassphraseSource; readonly store: WalletSecretStore }) {
    this.#source = options.source;
    this.#store = options.store;
  }

  /** Returns the passphrase for the next agent; null where the agent finds one itself. */
  forStart(): WalletSecret | { readonly passphrase: null } {
    if (this.#source !== 'keychain' || this.#typed !== null) return { passphrase: this.#typed };
    return this.#store.read();
  }

  /** Takes a passphrase that the owner typed; it is stored only once the wallet has opened with it. */
  type(passphrase: string): void {
    this.#typed = passphrase;
  }

  get hasTyped(): boolean {
    return this.#typed !== null;
  }

  /** Call when an agent is ready: the passphrase that it received was correct. */
  accepted(agentHome: string): void {
    this.#agentHome = agentHome;
    if (this.#typed !== null) this.#store.keep(this.#typed);
    this.#typed = null;
  }

  /** Call when no agent started with it: discards a typed passphrase. */
  rejected(): void {
    this.#typed = null;
  }

  /** Returns true if a typed passphrase may fix this failure. */
  canFix(code: ErrorCode | null): boolean {
    return code === 'keystore-locked' && this.#source === 'keychain';
  }

  /** Returns the passphrase of the running agent's keystore; null if it isn't known here. */
  find(): Promise<string | null> {
    return findPassphrase(this.#source, { walletSecret: this.#store, agentHome: this.#agentHome });
  }
}

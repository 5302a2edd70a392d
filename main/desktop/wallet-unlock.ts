/**
 * Chooses the passphrase for the agent: the stored one, or one that the owner typed. Once it has worked, the keychain
 * stores it; without a keychain it stays in this process only and is asked for at each start of the app.
 */
import type { ErrorCode } from '../../shared/errors.ts';
import {
  findPassphrase,
  type PassphraseSource,
  type WalletSecret,
  type WalletSecretStore,
} from './wallet-secret.ts';

export class WalletUnlock {
  readonly #source: () => PassphraseSource;
  readonly #store: WalletSecretStore;
  #typed: string | null = null;
  /** Without a keychain: for agents that are started later. */
  #remembered: string | null = null;
  #agentHome: string | null = null;

  /** `source` may change with the network that the owner chooses. */
  constructor(options: { readonly source: () => PassphraseSource; readonly store: WalletSecretStore }) {
    this.#source = options.source;
    this.#store = options.store;
  }

  /** Returns the passphrase for the next agent; null where the agent finds one itself. */
  forStart(): WalletSecret | { readonly passphrase: null } {
    if (this.#source() !== 'keychain') return { passphrase: null };
    const entered = this.#typed ?? this.#remembered;
    return entered === null ? this.#store.read() : { passphrase: entered };
  }

  /** True where a keychain stores the passphrase, so that it is entered once at most. */
  get hasKeychain(): boolean {
    return this.#store.keepsSecrets();
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
    if (this.#typed !== null && this.hasKeychain) this.#store.keep(this.#typed);
    else if (this.#typed !== null) this.#remembered = this.#typed;
    this.#typed = null;
  }

  /** Call when no agent started: discards what the owner typed, and a remembered passphrase that was wrong. */
  rejected(code: ErrorCode | null): void {
    this.#typed = null;
    if (code === 'keystore-locked') this.#remembered = null;
  }

  /** Returns true if a typed passphrase may fix this failure. */
  canFix(code: ErrorCode | null): boolean {
    return code === 'keystore-locked' && this.#source() === 'keychain';
  }

  /** Returns the passphrase of the running agent's keystore; null if it isn't known here. */
  find(): Promise<string | null> {
    if (this.#source() === 'keychain' && this.#remembered !== null) return Promise.resolve(this.#remembered);
    return findPassphrase(this.#source(), { walletSecret: this.#store, agentHome: this.#agentHome });
  }
}

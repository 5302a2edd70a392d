/** Port for certificates of this machine's own domain, and for their storage. */

/** A certificate chain, the domain's own certificate first, and its private key; both are PEM. */
export interface CertifiedKey {
  readonly chain: string;
  readonly key: string;
}

/** Shows a certificate to connections of a certificate authority, until the returned function is called. */
export type ShowChallenge = (certificate: CertifiedKey) => () => void;

export interface CertificateOrder {
  readonly domain: string;
  /** Private key (PEM) of the account at the authority. */
  readonly accountKey: string;
  /** Address at which the authority reaches the owner; null: none. */
  readonly email: string | null;
  readonly showChallenge: ShowChallenge;
}

/** A certificate authority whose terms of service the owner has agreed to. */
export interface CertificateAuthority {
  /** Returns a private key (PEM). */
  newAccountKey(): Promise<string>;
  /**
   * Proves the domain and returns a new certificate with a new key. Fails with `not-accepted` if the authority refuses,
   * and its reason is part of the message; with `busy` if it asks to wait, for `details.retryAfterS` seconds if it says so;
   * with `peer-unreachable` if it doesn't answer.
   */
  order(order: CertificateOrder): Promise<CertifiedKey>;
}

/** A domain's certificate and its orders, stored for the next start. Both keys are secrets. */
export interface StoredCertificate {
  readonly domain: string;
  /** URL of the authority. */
  readonly directory: string;
  readonly accountKey: string;
  /** Null until the first one was obtained. */
  readonly certificate: CertifiedKey | null;
  /** Orders that failed one after the other. */
  readonly failures: number;
  /** Before this time the authority isn't asked again. */
  readonly notBeforeMs: number;
  /** Reason of the last failure; null after a success. */
  readonly problem: string | null;
}

export interface CertificateStore {
  /** Null where nothing that can be read is stored. */
  read(): StoredCertificate | null;
  /** Fails with `disk-full` or `disk-unwritable`. */
  write(stored: StoredCertificate): void;
}

/** Reads and writes the record of a domain's certificate, which outlasts the agent. */
import { X509Certificate } from 'node:crypto';
import type { CertificateStore, CertifiedKey, StoredCertificate } from '../../ports/certificates.ts';
import type { Log } from '../../ports/log.ts';
import { assertFits } from './fitness.ts';

export interface RecordParts {
  readonly domain: string;
  /** URL of the authority; a certificate or account of another one isn't used. */
  readonly directory: string;
  readonly store: CertificateStore;
  readonly log: Log;
  /** Serves this certificate from now on. Fails if it can't be used. */
  readonly use: (certificate: CertifiedKey) => void;
  readonly onChange: () => void;
}

/** Before the first order there is no account. */
export type CertificateRecord = Omit<StoredCertificate, 'accountKey'> & {
  readonly accountKey: string | null;
};

export interface OpenRecord {
  get(): CertificateRecord;
  /** Changes and stores it. If it can't be stored, the change counts for this run, and this fails. */
  set(change: Partial<CertificateRecord>): void;
  /** Stores what couldn't be stored before; fails if it still can't be. */
  storeAgain(): void;
}

/** Serves the certificate that it finds. One that can't be used counts as none. */
export function openRecord(parts: RecordParts): OpenRecord {
  const { domain, directory, store, log } = parts;
  const known = store.read();
  const ofAuthority = known?.directory === directory ? known : null;
  const ofDomain = ofAuthority?.domain === domain ? ofAuthority : null;
  const none = { certificate: null, failures: 0, notBeforeMs: 0, problem: null };
  const accountKey = ofAuthority?.accountKey ?? null;
  let record: CertificateRecord = { ...none, ...ofDomain, domain, directory, accountKey };
  if (record.certificate !== null) {
    try {
      assertFits(record.certificate, domain);
      parts.use(record.certificate);
    } catch (error) {
      log.error('The stored certificate can’t be used', error);
      record = { ...record, certificate: null, notBeforeMs: 0 };
    }
  }
  let isStored = true;
  const write = () => {
    const { accountKey } = record;
    if (accountKey === null) return;
    isStored = false;
    store.write({ ...record, accountKey });
    isStored = true;
  };
  return {
    get: () => record,
    set(change) {
      record = { ...record, ...change };
      parts.onChange();
      write();
    },
    storeAgain() {
      if (!isStored) write();
    },
  };
}

interface Lifetime {
  readonly startMs: number;
  readonly endMs: number;
}

const lifetimes = new WeakMap<CertifiedKey, Lifetime>();

/** In milliseconds since the epoch; read once. Throws if the certificate can't be read. */
export function lifetime(certificate: CertifiedKey): Lifetime {
  const known = lifetimes.get(certificate);
  if (known !== undefined) return known;
  const { validFrom, validTo } = new X509Certificate(certificate.chain);
  const read = { startMs: Date.parse(validFrom), endMs: Date.parse(validTo) };
  lifetimes.set(certificate, read);
  return read;
}

export function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}

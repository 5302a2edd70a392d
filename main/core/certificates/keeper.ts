/**
 * Keeps a domain's certificate: obtains the first one, renews it before it expires, and waits longer after each failure.
 * Every attempt is stored before it begins, so that an agent that is started over and over doesn't ask more often.
 */
import { isAppError } from '../../../shared/errors.ts';
import type { CertificateState } from '../../../shared/storefront.ts';
import type { CertificateAuthority, CertifiedKey, ShowChallenge } from '../../ports/certificates.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { assertFits, assertNoWorse } from './fitness.ts';
import { type CertificateRecord, instant, lifetime, openRecord, type RecordParts } from './record.ts';

export interface CertificateKeeperParts extends RecordParts {
  readonly email: string | null;
  readonly authority: CertificateAuthority;
  readonly clock: Clock;
  readonly showChallenge: ShowChallenge;
}

export interface CertificateKeeper {
  state(): CertificateState;
  close(): void;
}

const CHECK_MS = 60_000;
/** Let's Encrypt accepts five failures per hour and name: these are four in the first hour. */
const FIRST_WAIT_MS = 5 * 60_000;
const WAIT_MS_MAX = 12 * 3_600_000;
/** Longest wait that an authority may ask for: its longest limit counts the orders of a week. */
const ASKED_MS_MAX = 7 * 24 * 3_600_000;
/** A certificate is renewed when this part of its lifetime is left. */
const LEFT_AT_RENEWAL = 1 / 3;
/** A new certificate isn't replaced within this time, however soon it expires by this machine's clock. */
const ORDERED_AGAIN_MS = 3_600_000;
const UNEXPECTED = 'An unexpected error; see the log.';
const INTERRUPTED = 'The last attempt was interrupted.';

/** Serves the stored certificate, if there is one, and obtains or renews it when it is time. Doesn't wait for that. */
export function createCertificateKeeper(parts: CertificateKeeperParts): CertificateKeeper {
  const { clock, log } = parts;
  const record = openRecord(parts);
  const noteExpiry = createExpiryNote(log);
  let isAsking = false;
  let isClosed = false;
  const report = (error: unknown) => log.error('The state of the certificate could not be stored', error);
  /** A change that can't be stored still counts, and is stored later. */
  const store = (write: () => void) => {
    try {
      write();
    } catch (error) {
      report(error);
    }
  };
  const attempt = async () => {
    const failures = record.get().failures + 1;
    const accountKey = record.get().accountKey ?? (await parts.authority.newAccountKey());
    const notBeforeMs = clock.now() + waitMs(failures);
    record.set({ accountKey, failures, notBeforeMs, problem: INTERRUPTED });
    const { domain, email, showChallenge } = parts;
    const certificate = await parts.authority.order({ domain, accountKey, email, showChallenge });
    if (isClosed) return;
    assertFits(certificate, domain);
    const former = record.get().certificate;
    if (former !== null) {
      assertNoWorse(lifetime(certificate).endMs, lifetime(former).endMs, clock.now());
    }
    parts.use(certificate);
    log.info('A certificate was obtained', { domain, expires: instant(lifetime(certificate).endMs) });
    const againMs = clock.now() + ORDERED_AGAIN_MS;
    store(() => record.set({ certificate, failures: 0, notBeforeMs: againMs, problem: null }));
  };
  const check = async () => {
    store(record.storeAgain);
    const now = record.get();
    noteExpiry(now, clock.now());
    if (isAsking || isClosed || clock.now() < dueMs(now, clock.now())) return;
    isAsking = true;
    try {
      await attempt();
    } catch (error) {
      if (!isClosed) store(() => record.set(noteFailure(error, record.get().failures, parts)));
    } finally {
      isAsking = false;
    }
  };
  const checkNow = () => void check().catch(report);
  const checking = clock.every(CHECK_MS, checkNow);
  checkNow();
  return {
    state: () => stateOf(record.get(), isAsking),
    close() {
      isClosed = true;
      checking.cancel();
    },
  };
}

/** Returns what to remember of a failed order. */
function noteFailure(
  error: unknown,
  failures: number,
  { domain, clock, log }: CertificateKeeperParts,
): Pick<CertificateRecord, 'problem' | 'notBeforeMs'> {
  if (!isAppError(error)) log.error('The order of a certificate failed unexpectedly', error);
  else if (error.cause !== undefined)
    log.info('The order of a certificate failed', { cause: String(error.cause) });
  const problem = isAppError(error) ? error.message : UNEXPECTED;
  const askedMs = isAppError(error) ? Number(error.details.retryAfterS ?? 0) * 1_000 : 0;
  const notBeforeMs = clock.now() + Math.max(waitMs(failures), Math.min(askedMs, ASKED_MS_MAX));
  log.warn('No certificate was obtained', { domain, problem, next: instant(notBeforeMs) });
  return { problem, notBeforeMs };
}

/** Logs once that a certificate has expired. */
function createExpiryNote(log: Log): (record: CertificateRecord, nowMs: number) => void {
  let noted: CertifiedKey | null = null;
  return ({ certificate, domain, problem }, nowMs) => {
    if (certificate === null || certificate === noted || lifetime(certificate).endMs > nowMs) return;
    noted = certificate;
    const sentence = 'The certificate has expired, so buyers refuse the connection';
    log.error(sentence, new Error(problem ?? 'It was not renewed.'), { domain });
  };
}

function stateOf(record: CertificateRecord, isAsking: boolean): CertificateState {
  const { domain, certificate, notBeforeMs } = record;
  const problem = isAsking && record.problem === INTERRUPTED ? null : record.problem;
  return {
    domain,
    expiresAtMs: certificate === null ? null : lifetime(certificate).endMs,
    problem,
    nextTryAtMs: problem === null ? null : notBeforeMs,
  };
}

/** Time from which a certificate is ordered. A wait that no rule allows was stored by a clock that was ahead. */
function dueMs({ certificate, notBeforeMs }: CertificateRecord, nowMs: number): number {
  const fromMs = notBeforeMs > nowMs + ASKED_MS_MAX ? 0 : notBeforeMs;
  if (certificate === null) return fromMs;
  const { startMs, endMs } = lifetime(certificate);
  return Math.max(fromMs, endMs - (endMs - startMs) * LEFT_AT_RENEWAL);
}

function waitMs(failures: number): number {
  return Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (failures - 1));
}

/**
 * Asks providers that this buyer knows what they found when they checked others, and keeps their signed verdicts. Only
 * auditors with a standing of their own here count, by that standing: peers that praise each other have none.
 */
import { z } from 'zod';
import {
  type AuditVerdict,
  auditVerdictSchema,
  shownVerdictsSchema,
  VERDICTS_CHARACTERS_MAX,
} from '../../../shared/audit-verdict.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { AUDITS_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import { readText } from '../../ports/read-text.ts';
import type { RecordStore } from '../../ports/store.ts';
import { within } from '../network/index.ts';
import type { AuditReport } from './judgment.ts';

export interface AuditReports {
  /** Asks the peer, unless it isn't known, was asked within a day, or enough were asked within the hour. */
  consider(peer: string): void;
  /** Results of known auditors at this provider. */
  of(provider: string): readonly AuditReport[];
  /** Ends the requests in progress. */
  stop(): void;
}

export interface AuditReportsParts {
  readonly fetch: Network['fetch'];
  readonly verifySigned: VerifySigned;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** True for a provider that has served this buyer well. */
  readonly isKnown: (peer: string) => boolean;
  /** Standing by this buyer's own experience alone. */
  readonly standingOf: (peer: string) => number;
}

const COLLECTION = 'audit-reports';
/** Auditors whose verdicts are stored; the one that was asked longest ago goes first. */
const AUDITORS_MAX = 200;
const ASKED_PER_HOUR_MAX = 20;
const HOUR_MS = 3_600_000;
const ASKED_AGAIN_MS = 86_400_000;
const FETCH_MS_MAX = 10_000;
/**
 * Accusations of one auditor that count in full. More of them share what these weigh: one that accuses everybody, after
 * it has served this buyer well, harms nobody much.
 */
export const ACCUSATIONS_FULL_MAX = 2;
/** A verdict from the future would never age. */
const CLOCK_MS_MAX = 600_000;

const storedSchema = z.object({
  askedAtMs: z.number(),
  verdicts: z.array(auditVerdictSchema.pick({ provider: true, hasPassed: true, atMs: true })),
});
type Stored = z.infer<typeof storedSchema>;

export function createAuditReports(parts: AuditReportsParts): AuditReports {
  const { records, clock, log, isKnown, standingOf } = parts;
  const stopping = new AbortController();
  const known = new Map<string, Stored>(
    records.list(COLLECTION).map(({ key, value }) => [key, storedSchema.parse(JSON.parse(value))]),
  );
  /** On the clock that never jumps; also failed requests. */
  const triedAtMs = new Map<string, number>();
  let byProvider: ReadonlyMap<string, readonly Found[]> = indexOf(known);

  function isDue(peer: string): boolean {
    const nowMs = clock.monotonic();
    for (const [tried, atMs] of triedAtMs) if (nowMs - atMs >= ASKED_AGAIN_MS) triedAtMs.delete(tried);
    if (triedAtMs.has(peer) || !isKnown(peer)) return false;
    const stored = known.get(peer);
    if (stored !== undefined && Math.abs(clock.now() - stored.askedAtMs) < ASKED_AGAIN_MS) return false;
    return [...triedAtMs.values()].filter((atMs) => nowMs - atMs < HOUR_MS).length < ASKED_PER_HOUR_MAX;
  }

  function keep(auditor: string, verdicts: Stored['verdicts']): void {
    const stored = { askedAtMs: clock.now(), verdicts };
    known.set(auditor, stored);
    records.set(COLLECTION, auditor, JSON.stringify(stored));
    if (known.size > AUDITORS_MAX) {
      const [oldest] = [...known].sort((left, right) => left[1].askedAtMs - right[1].askedAtMs);
      if (oldest !== undefined) {
        known.delete(oldest[0]);
        records.delete(COLLECTION, oldest[0]);
      }
    }
    byProvider = indexOf(known);
  }

  return {
    consider(peer) {
      if (stopping.signal.aborted || !isDue(peer)) return;
      triedAtMs.set(peer, clock.monotonic());
      ask(parts, peer, stopping.signal).then(
        (verdicts) => keep(peer, verdicts),
        (error: unknown) => {
          const cause = isAppError(error) ? error.code : String(error);
          log.debug('The verdicts of a peer could not be read', { peer, cause });
        },
      );
    },
    of(provider) {
      const nowMs = clock.now();
      return (byProvider.get(provider) ?? []).map(({ auditor, hasPassed, atMs, share }) => ({
        auditorStanding: isKnown(auditor) ? standingOf(auditor) * share : 0,
        hasPassed,
        ageMs: Math.max(0, nowMs - atMs),
      }));
    },
    stop: () => stopping.abort(),
  };
}

interface Found {
  readonly auditor: string;
  readonly hasPassed: boolean;
  readonly atMs: number;
  /** Part of the auditor's standing with which it counts. */
  readonly share: number;
}

function indexOf(known: ReadonlyMap<string, Stored>): ReadonlyMap<string, readonly Found[]> {
  const index = new Map<string, Found[]>();
  for (const [auditor, { verdicts }] of known) {
    const accused = verdicts.filter(({ hasPassed }) => !hasPassed).length;
    for (const { provider, hasPassed, atMs } of verdicts) {
      const share = hasPassed ? 1 : Math.min(1, ACCUSATIONS_FULL_MAX / accused);
      index.set(provider, [...(index.get(provider) ?? []), { auditor, hasPassed, atMs, share }]);
    }
  }
  return index;
}

/** Returns the auditor's valid verdicts on others, one for each provider. Fails with `bad-request` for any other text. */
async function ask(
  { fetch, clock, verifySigned }: AuditReportsParts,
  auditor: string,
  stopping: AbortSignal,
): Promise<Stored['verdicts']> {
  const shown = await within(clock, FETCH_MS_MAX, stopping, async (signal) => {
    const response = await fetch(auditor, AUDITS_PATH, { signal });
    const { text, isComplete } = await readText(response, VERDICTS_CHARACTERS_MAX);
    return response.status === 200 && isComplete ? parseJson(text) : [];
  });
  const texts = checkShape(shownVerdictsSchema, shown);
  const read = await Promise.all(
    (texts.success ? texts.data : []).map((jws) => readVerdict(jws, auditor, verifySigned, clock.now())),
  );
  const byProvider = new Map<string, AuditVerdict>();
  for (const verdict of read) {
    if (verdict === null) continue;
    const before = byProvider.get(verdict.provider);
    if (before === undefined || verdict.atMs > before.atMs) byProvider.set(verdict.provider, verdict);
  }
  return [...byProvider.values()].map(({ provider, hasPassed, atMs }) => ({ provider, hasPassed, atMs }));
}

/** Null for a verdict that isn't the auditor's own, is on itself, or is from the future. */
export async function readVerdict(
  jws: string,
  auditor: string,
  verifySigned: VerifySigned,
  nowMs: number,
): Promise<AuditVerdict | null> {
  const parsed = checkShape(auditVerdictSchema, await verifySigned(jws, auditor).catch(() => null));
  if (!parsed.success) return null;
  const { data } = parsed;
  const isOwn = data.auditor === auditor && data.provider !== auditor;
  return isOwn && data.atMs <= nowMs + CLOCK_MS_MAX ? data : null;
}

/**
 * Judges a provider from evidence: this buyer's own experience first, then value settled on chain, then audits by peers
 * that this buyer knows well. Each source but the own one has a cap, so that it never outweighs what was seen here. Pure.
 */

/** An audit of the provider, by a peer whose signature was verified. */
export interface AuditReport {
  /** Standing of the auditor with this buyer, 0 to 1, or its share for one of many accusations; that of a stranger is 0. */
  readonly auditorStanding: number;
  readonly hasPassed: boolean;
  readonly ageMs: number;
}

export interface Evidence {
  /** Requests that ended well and badly here, already decayed. */
  readonly good: number;
  readonly bad: number;
  /** See `creditOf`, in base units; absent where nobody reads it from the chain. */
  readonly settledCredit?: number;
  readonly audits?: readonly AuditReport[];
  /** Ends of first requests to strangers here, decayed; absent: not known. */
  readonly strangers?: { readonly good: number; readonly bad: number };
}

export interface Judgment {
  /** Expected share of requests that fail, between 0 and 1. */
  readonly failureRate: number;
  /** 0 for a stranger; approaches 1 with good evidence. */
  readonly standing: number;
}

/** Before any experience a stranger counts as if 1 of these requests had failed. */
const PRIOR_REQUESTS = 10;
/** Good evidence, in requests, at which the standing is one half. */
const STANDING_HALF = 10;
/** Most requests that settled value counts for, and the value that counts for half of them (1 USDC). */
const SETTLED_REQUESTS_MAX = 10;
const SETTLED_HALF = 1_000_000;
/** Most failed requests that audits count for. */
const AUDIT_FAILED_REQUESTS_MAX = 50;
/** A failed audit weighs as much as this many passed ones: an honest provider fails almost none. */
const AUDIT_FAILED_WEIGHT = 10;
const AUDIT_HALF_LIFE_MS = 14 * 86_400_000;

export function judge(evidence: Evidence): Judgment {
  const credit = Math.max(0, evidence.settledCredit ?? 0);
  const settled = (SETTLED_REQUESTS_MAX * credit) / (credit + SETTLED_HALF);
  const good = evidence.good + settled;
  const bad = evidence.bad + weighAudits(evidence.audits ?? []);
  const failureRate =
    (bad + PRIOR_REQUESTS * strangerRate(evidence.strangers)) / (good + bad + PRIOR_REQUESTS);
  const trusted = Math.max(0, good - bad);
  return { failureRate, standing: trusted / (trusted + STANDING_HALF) };
}

/**
 * A stranger is expected to behave as strangers have behaved: whoever returns under new names to fail again makes all
 * strangers rank lower, also its own next name (the adaptive stranger policy of Feldman et al., 2004, "Robust incentive
 * techniques for peer-to-peer networks").
 */
function strangerRate(seen: Evidence['strangers']): number {
  const { good, bad } = seen ?? { good: 0, bad: 0 };
  return (bad + 1) / (good + bad + PRIOR_REQUESTS);
}

/** The judgment of a provider of which nothing is known. */
export const STRANGER: Judgment = judge({ good: 0, bad: 0 });

/**
 * Returns the failed requests that the audits count for. A passed audit only answers failed ones: praise costs its author
 * nothing, and would make a ring of peers, one of which serves well, appear known.
 */
function weighAudits(audits: readonly AuditReport[]): number {
  let failed = 0;
  for (const { auditorStanding, hasPassed, ageMs } of audits) {
    const weight = clampShare(auditorStanding) * 2 ** (-Math.max(0, ageMs) / AUDIT_HALF_LIFE_MS);
    failed += hasPassed ? -weight : weight * AUDIT_FAILED_WEIGHT;
  }
  return Math.min(Math.max(0, failed), AUDIT_FAILED_REQUESTS_MAX);
}

function clampShare(value: number): number {
  return Math.min(1, Math.max(0, value));
}

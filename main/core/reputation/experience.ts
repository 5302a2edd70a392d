/**
 * Remembers what this buyer measured at each provider: failures, time to first token, tokens per second and the round
 * trip. Bounded, decayed with time, and stored, so that a restart forgets nothing.
 */
import type { FormerPeer } from '../../../shared/identity.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import {
  dropFirst,
  type ModelExperience,
  openExperienceRecords,
  type PeerExperience,
  type Smoothed,
} from './experience-records.ts';
import { type AuditReport, type Judgment, judge, STRANGER } from './judgment.ts';

/** Everything that is known of one provider and one of its models. */
export interface Known extends Judgment {
  /** Requests that were seen to end, decayed. 0: a stranger. */
  readonly seen: number;
  readonly firstTokenMs: Smoothed | null;
  readonly tokensPerSecond: number | null;
  readonly roundTripMs: number | null;
  /** Own requests in progress there. */
  readonly inProgress: number;
  /** True while it asked not to be tried again yet. */
  readonly isBusy: boolean;
}

/** End of a request to a provider. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly tokensPerSecond: number | null }
  | { readonly kind: 'failed' }
  /** Its bill was false, or its answers were not those of its model. */
  | { readonly kind: 'cheated' };

export interface Experience {
  of(peer: string, sha256: string): Known;
  /** True for a provider that has served this buyer well; what others say of it doesn't count. */
  isKnown(peer: string): boolean;
  /** Standing by this buyer's own experience alone; 0 for a stranger. */
  ownStanding(peer: string): number;
  /** Counts a request in progress; the returned function ends it. */
  begin(peer: string): () => void;
  noteRoundTrip(peer: string, durationMs: number): void;
  noteFirstToken(peer: string, sha256: string, durationMs: number): void;
  noteBusy(peer: string, forMs: number): void;
  noteEnd(peer: string, sha256: string, outcome: Outcome): void;
  /** Remembers the address that the provider is bound to; the first one counts for good. */
  noteBound(peer: string, payout: string): void;
  /**
   * Moves the experience with a former peer to its successor, or drops it after a revocation, if the statement is of the
   * address that the former peer was bound to here. Its signatures were verified before.
   */
  retire(former: FormerPeer): void;
  /** True for a peer whose owner uses another key. */
  isRetired(peer: string): boolean;
  /** Stores what isn't stored yet. */
  save(): void;
}

export interface ExperienceParts {
  readonly records: RecordStore;
  /** Defers the writes. Default: each is on disk immediately. */
  readonly durability?: Durability;
  readonly clock: Clock;
  /** Value that was settled on chain for a provider; see `Evidence`. Default: not known. */
  readonly settledCredit?: (peer: string) => number;
  /** Results of others at a provider; see `Evidence`. Default: nothing. */
  readonly audits?: (peer: string) => readonly AuditReport[];
}

const MODELS_MAX = 8;
const PEERS_MAX = 1_000;
/** Peers of which something is remembered without a purchase. */
const OTHER_PEERS_MAX = 10_000;
/** By how much the shortest round trip may grow with each measurement, because routes change. */
const ROUND_TRIP_GROWTH = 1.1;
/** A proven cheat weighs as much as this many failures. */
const CHEAT_WEIGHT = 50;
const GAIN = 1 / 4;
/** Own standing from which a provider's payers speak for others: that of about four good requests. */
const KNOWN_STANDING_MIN = 0.25;

export function createExperience(parts: ExperienceParts): Experience {
  const { records, durability = IMMEDIATE, clock, settledCredit = () => 0, audits = () => [] } = parts;
  const stored = openExperienceRecords(records, durability, clock);
  const inProgress = new Map<string, number>();
  /** On the clock that never jumps. */
  const busyUntilMs = new Map<string, number>();
  /** Both not stored: peers that were never bought from would push out those that were. */
  const payouts = new Map<string, string>();
  const roundTripMs = new Map<string, number>();

  function ownStanding(peer: string): number {
    const { good, bad } = stored.find(peer);
    return judge({ good, bad }).standing;
  }

  return {
    of(peer, sha256) {
      const { good, bad, models } = stored.find(peer);
      const model = models[sha256];
      return {
        ...judge({
          ...{ good, bad, settledCredit: settledCredit(peer), audits: audits(peer) },
          strangers: stored.strangers(),
        }),
        seen: good + bad,
        firstTokenMs: model?.firstTokenMs ?? null,
        tokensPerSecond: model?.tokensPerSecond?.mean ?? null,
        roundTripMs: roundTripMs.get(peer) ?? null,
        inProgress: inProgress.get(peer) ?? 0,
        isBusy: (busyUntilMs.get(peer) ?? 0) > clock.monotonic(),
      };
    },
    isKnown: (peer) => ownStanding(peer) >= KNOWN_STANDING_MIN,
    ownStanding,
    begin: (peer) => begin(inProgress, peer),
    noteRoundTrip(peer, durationMs) {
      if (!isMeasured(durationMs)) return;
      // The shortest one of late: what is added to it is waiting, not distance.
      const before = roundTripMs.get(peer) ?? durationMs;
      roundTripMs.delete(peer);
      roundTripMs.set(peer, Math.min(durationMs, before * ROUND_TRIP_GROWTH));
      dropFirst(roundTripMs, OTHER_PEERS_MAX);
    },
    noteFirstToken(peer, sha256, durationMs) {
      if (!isMeasured(durationMs)) return;
      stored.change(peer, (record) =>
        withModel(record, sha256, (model) => ({
          ...model,
          firstTokenMs: smooth(model.firstTokenMs, durationMs),
        })),
      );
    },
    noteBusy(peer, forMs) {
      busyUntilMs.delete(peer);
      busyUntilMs.set(peer, clock.monotonic() + forMs);
      dropFirst(busyUntilMs, PEERS_MAX);
    },
    noteEnd(peer, sha256, outcome) {
      stored.noteStranger(peer, outcome.kind === 'delivered');
      stored.change(peer, (record) => ({
        ...withOutcome(record, sha256, outcome),
        payout: record.payout ?? payouts.get(peer) ?? null,
      }));
    },
    noteBound(peer, payout) {
      if (stored.find(peer).payout !== null) return;
      if (!payouts.has(peer)) payouts.set(peer, payout.toLowerCase());
      dropFirst(payouts, OTHER_PEERS_MAX);
    },
    retire(former) {
      const { payout, isRetired } = stored.find(former.peer);
      if (isRetired || payout !== former.payout.toLowerCase()) return;
      if (former.kind === 'revoked') return stored.retire(former.peer, null);
      const { successor } = former;
      stored.retire(former.peer, { peer: successor, payout: payouts.get(successor) ?? payout });
    },
    isRetired: (peer) => stored.find(peer).isRetired,
    save: stored.save,
  };
}

function begin(inProgress: Map<string, number>, peer: string): () => void {
  inProgress.set(peer, (inProgress.get(peer) ?? 0) + 1);
  let hasEnded = false;
  return () => {
    if (hasEnded) return;
    hasEnded = true;
    const left = (inProgress.get(peer) ?? 1) - 1;
    if (left > 0) inProgress.set(peer, left);
    else inProgress.delete(peer);
  };
}

function withOutcome(record: PeerExperience, sha256: string, outcome: Outcome): PeerExperience {
  if (outcome.kind !== 'delivered')
    return { ...record, bad: record.bad + (outcome.kind === 'cheated' ? CHEAT_WEIGHT : 1) };
  const { tokensPerSecond } = outcome;
  const ended = { ...record, good: record.good + 1 };
  if (tokensPerSecond === null || !isMeasured(tokensPerSecond)) return ended;
  return withModel(ended, sha256, (model) => ({
    ...model,
    tokensPerSecond: smooth(model.tokensPerSecond, tokensPerSecond),
  }));
}

const NOTHING: Known = {
  ...STRANGER,
  ...{ seen: 0, firstTokenMs: null, tokensPerSecond: null, roundTripMs: null, inProgress: 0, isBusy: false },
};

/** Knows nothing and learns nothing: providers are chosen by their offers alone. */
export const NO_EXPERIENCE: Experience = {
  of: () => NOTHING,
  isKnown: () => false,
  ownStanding: () => 0,
  begin: () => () => undefined,
  noteRoundTrip: () => undefined,
  noteFirstToken: () => undefined,
  noteBusy: () => undefined,
  noteEnd: () => undefined,
  noteBound: () => undefined,
  retire: () => undefined,
  isRetired: () => false,
  save: () => undefined,
};

function withModel(
  record: PeerExperience,
  sha256: string,
  change: (model: ModelExperience) => ModelExperience,
): PeerExperience {
  const { [sha256]: before = { firstTokenMs: null, tokensPerSecond: null }, ...others } = record.models;
  const kept = Object.entries(others).slice(1 - MODELS_MAX);
  return { ...record, models: { ...Object.fromEntries(kept), [sha256]: change(before) } };
}

function smooth(before: Smoothed | null, value: number): Smoothed {
  if (before === null) return { mean: value, deviation: value / 2 };
  const error = value - before.mean;
  return {
    mean: before.mean + GAIN * error,
    deviation: before.deviation + GAIN * (Math.abs(error) - before.deviation),
  };
}

function isMeasured(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

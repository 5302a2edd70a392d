/** The stored part of a buyer's experience: one record for each provider, and one for all strangers; decayed and bounded. */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Durability, RecordStore } from '../../ports/store.ts';

/** A mean that follows its values, with their mean deviation, as TCP smooths round trips (RFC 6298). */
const smoothedSchema = z.object({ mean: z.number().nonnegative(), deviation: z.number().nonnegative() });
export type Smoothed = z.infer<typeof smoothedSchema>;

const modelSchema = z.object({
  firstTokenMs: smoothedSchema.nullable(),
  tokensPerSecond: smoothedSchema.nullable(),
});
export type ModelExperience = z.infer<typeof modelSchema>;

const recordSchema = z.object({
  /** Requests that ended well and badly, decayed to `atMs`. */
  good: z.number().nonnegative(),
  bad: z.number().nonnegative(),
  /** Time of the last change, since the epoch. */
  atMs: z.number(),
  /** By the sha256 of the model file; the one used last is at the end. */
  models: z.record(z.string(), modelSchema),
  /** The first payout address, in lower case, that the provider was bound to; only it can move or revoke the provider's name. */
  payout: z.string().nullable().default(null),
  /** The owner of the name uses another key. */
  isRetired: z.boolean().default(false),
});
export type PeerExperience = z.infer<typeof recordSchema>;

const EMPTY = { good: 0, bad: 0, models: {}, payout: null, isRetired: false } as const;

/** Ends of first requests to strangers, decayed to `atMs`. */
const strangersSchema = recordSchema.pick({ good: true, bad: true, atMs: true });
export type Strangers = z.infer<typeof strangersSchema>;

export interface ExperienceRecords {
  /** Decayed to now. */
  find(peer: string): PeerExperience;
  change(peer: string, by: (record: PeerExperience) => PeerExperience): void;
  /** Ends the use of a name. Its experience, good and bad, is that of the successor from now on, at this payout address. */
  retire(peer: string, successor: { readonly peer: string; readonly payout: string } | null): void;
  strangers(): Strangers;
  /** Counts the end of a request to a peer if it is the first one. */
  noteStranger(peer: string, isGood: boolean): void;
  save(): void;
}

const COLLECTION = 'experience';
const STRANGERS = { collection: 'experience-of-strangers', key: 'all' } as const;
/** Providers that are remembered; beyond it the one without a request for the longest time is forgotten. */
const PEERS_MAX = 1_000;
const HALF_LIFE_MS = 14 * 86_400_000;
/** A crash loses at most what was learned within it. */
const SAVE_AFTER_MS = 10_000;

export function openExperienceRecords(
  records: RecordStore,
  durability: Durability,
  clock: Clock,
): ExperienceRecords {
  const peers = readAll(records);
  let strangers = readStrangers(records) ?? { good: 0, bad: 0, atMs: clock.now() };
  const unsaved = new Set<string>();
  let timer: Timer | null = null;

  function save(): void {
    timer?.cancel();
    timer = null;
    if (unsaved.size === 0) return;
    durability.defer(() => {
      for (const peer of unsaved) {
        const known = peers.get(peer);
        if (known === undefined) records.delete(COLLECTION, peer);
        else records.set(COLLECTION, peer, JSON.stringify(known));
      }
      records.set(STRANGERS.collection, STRANGERS.key, JSON.stringify(strangers));
    });
    unsaved.clear();
  }

  function find(peer: string): PeerExperience {
    const nowMs = clock.now();
    return decayed(peers.get(peer) ?? { ...EMPTY, atMs: nowMs }, nowMs);
  }

  function change(peer: string, by: (record: PeerExperience) => PeerExperience): void {
    const changed = { ...by(find(peer)), atMs: clock.now() };
    peers.delete(peer);
    peers.set(peer, changed);
    unsaved.add(peer);
    for (const forgotten of dropFirst(peers, PEERS_MAX)) unsaved.add(forgotten);
    timer ??= clock.after(SAVE_AFTER_MS, save);
  }

  return {
    find,
    save,
    change,
    retire(peer, successor) {
      const { good, bad, models } = find(peer);
      change(peer, (record) => ({ ...record, ...EMPTY, payout: record.payout, isRetired: true }));
      if (successor === null) return;
      change(successor.peer, (record) => ({
        ...record,
        payout: record.payout ?? successor.payout,
        good: record.good + good,
        bad: record.bad + bad,
        models: { ...models, ...record.models },
      }));
    },
    strangers: () => decayed(strangers, clock.now()),
    noteStranger(peer, isGood) {
      const { good, bad } = find(peer);
      if (good + bad > 0) return;
      const before = decayed(strangers, clock.now());
      strangers = { ...before, ...(isGood ? { good: before.good + 1 } : { bad: before.bad + 1 }) };
    },
  };
}

/** Returns all records, the stalest first. A damaged one is forgotten: experience is gained again. */
function readAll(records: RecordStore): Map<string, PeerExperience> {
  const read = records.list(COLLECTION).flatMap(({ key, value }) => {
    const parsed = recordSchema.safeParse(parseJson(value));
    return parsed.success ? [[key, parsed.data] as const] : [];
  });
  return new Map(read.sort(([, left], [, right]) => left.atMs - right.atMs));
}

function readStrangers(records: RecordStore): Strangers | null {
  const text = records.get(STRANGERS.collection, STRANGERS.key);
  const parsed = strangersSchema.safeParse(text === null ? null : parseJson(text));
  return parsed.success ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function decayed<R extends Strangers>(record: R, nowMs: number): R {
  // A clock that was set back doesn't make old experience weigh more.
  const left = 2 ** (-Math.max(0, nowMs - record.atMs) / HALF_LIFE_MS);
  return { ...record, good: record.good * left, bad: record.bad * left, atMs: nowMs };
}

/** Removes the oldest entries beyond this size; returns their keys. */
export function dropFirst(map: Map<string, unknown>, sizeMax: number): readonly string[] {
  const dropped: string[] = [];
  for (const key of map.keys()) {
    if (map.size <= sizeMax) break;
    map.delete(key);
    dropped.push(key);
  }
  return dropped;
}

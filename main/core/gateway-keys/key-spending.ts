/**
 * Counts what each key of the gateway has spent. A purchase counts with its maximum from before it is paid until its
 * charge is known, also across a crash: its record is on disk together with its job, before anything is sent.
 */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { Durability, RecordStore } from '../../ports/store.ts';
import type { BudgetTime, HeldJob } from '../budget/index.ts';
import { createKeySums } from './key-sums.ts';

const OPEN = 'gateway-key-open';
const DAY_MS = 86_400_000;

const unitsSchema = z
  .string()
  .regex(/^\d{1,40}$/)
  .transform(BigInt);
const openSchema = z.object({
  keyId: z.string(),
  channelId: z.string(),
  costMax: unitsSchema,
  atMs: z.number(),
});

/** A purchase of a key. */
interface Purchase {
  readonly keyId: string;
  readonly costMax: bigint;
  readonly atMs: number;
  /** Null until its job is recorded. */
  job: HeldJob | null;
  /** Amount in the key's sums; null while it is open. */
  booked: bigint | null;
}

/** The part of a key's budget that one purchase holds. */
export interface KeyHold {
  /** Records the purchase with its job. */
  begin(job: HeldJob): void;
  /** Counts the charge. Null is unknown: the maximum still counts until the charge is learned. */
  end(charged: bigint | null): void;
}

export interface KeySpending {
  /** Base units charged within 24 hours, or that purchases of that time may still cost. */
  day(keyId: string): bigint;
  total(keyId: string): bigint;
  hold(keyId: string, costMax: bigint): KeyHold;
  /** Counts a charge that an earlier run made; `isFinal` if no more can follow, even if it is 0. */
  noteCharged(channelId: string, charged: bigint, isFinal: boolean): void;
  /** Forgets a key, with its purchases in progress. */
  forget(keyId: string): void;
}

export interface KeySpendingParts {
  readonly records: RecordStore;
  readonly durability: Durability;
  readonly time: BudgetTime;
  /** The charge of a job that an earlier run recorded: null if it is unknown, 0 without such a job. */
  readonly chargeOf: (jobId: string) => bigint | null;
}

export function createKeySpending(parts: KeySpendingParts): KeySpending {
  const { records, time } = parts;
  const open = new Set<Purchase>();
  const forgotten = new Set<string>();
  const sums = createKeySums(records, time);
  const openOf = (keyId: string): readonly Purchase[] => [...open].filter((each) => each.keyId === keyId);

  /** Counts the charge of an open purchase, or corrects what is counted for one that has ended. */
  function book(purchase: Purchase, charged: bigint): void {
    const before = purchase.booked;
    open.delete(purchase);
    if (forgotten.has(purchase.keyId)) return;
    purchase.booked = charged;
    parts.durability.defer(() => {
      if (before === null && purchase.job !== null) records.delete(OPEN, purchase.job.id);
      sums.add(purchase.keyId, charged - (before ?? 0n), purchase.atMs);
    });
  }

  const openOn = (channelId: string): readonly Purchase[] =>
    [...open].filter(({ job }) => job?.channelId === channelId);

  /** The purchases of earlier runs whose charge may still be learned. Those of this run learn theirs through their hold. */
  const inherited = new Set<Purchase>();
  for (const purchase of readOpen(records)) {
    open.add(purchase);
    const charged = parts.chargeOf(purchase.job?.id ?? '');
    if (charged === null) inherited.add(purchase);
    else book(purchase, charged);
  }

  return {
    day: (keyId) =>
      openOf(keyId)
        .filter(({ atMs }) => Math.abs(time.now() - atMs) < DAY_MS)
        .reduce((sum, { costMax }) => sum + costMax, sums.day(keyId)),
    total: (keyId) => openOf(keyId).reduce((sum, { costMax }) => sum + costMax, sums.total(keyId)),
    hold(keyId, costMax) {
      const purchase: Purchase = { keyId, costMax, atMs: time.now(), job: null, booked: null };
      open.add(purchase);
      return {
        begin(job) {
          // Its channel was free: the charge of what used it before isn't going to be learned any more.
          for (const former of openOn(job.channelId)) book(former, former.costMax);
          purchase.job = job;
          const record = {
            keyId,
            channelId: job.channelId,
            costMax: costMax.toString(),
            atMs: purchase.atMs,
          };
          parts.durability.defer(() => records.set(OPEN, job.id, JSON.stringify(record)));
        },
        end(charged) {
          if (charged !== null) book(purchase, charged);
        },
      };
    },
    noteCharged(channelId, charged, isFinal) {
      if (charged === 0n && !isFinal) return;
      for (const purchase of inherited) {
        if (purchase.job?.channelId !== channelId) continue;
        inherited.delete(purchase);
        book(purchase, charged);
      }
    },
    forget(keyId) {
      forgotten.add(keyId);
      for (const purchase of openOf(keyId)) {
        open.delete(purchase);
        if (purchase.job !== null) records.delete(OPEN, purchase.job.id);
      }
      sums.forget(keyId);
    },
  };
}

/** Returns the purchases that the last run left open. */
function readOpen(records: RecordStore): readonly Purchase[] {
  return records.list(OPEN).flatMap(({ key: id, value }) => {
    const parsed = openSchema.safeParse(parseJson(value));
    if (!parsed.success) return [];
    const { channelId, ...rest } = parsed.data;
    return [{ ...rest, job: { id, channelId }, booked: null }];
  });
}

/** Stores the payments of others to providers, as found on the chain. */
import { z } from 'zod';
import type { PaidReference } from '../../ports/references.ts';
import type { RecordStore } from '../../ports/store.ts';
import { agedAmount, type SettledPayment } from './settled-credit.ts';

/** An address whose payments were looked up. */
export interface PayoutRecord {
  /** The first peer that was bound to the address: it alone has the credit. */
  readonly peer: string;
  readonly askedAtMs: number;
}

export interface ReferenceRecords {
  find(payout: string): PayoutRecord | null;
  /** Replaces what is stored of the address. What was claimed since the last time counts from now on; the rest ages. */
  add(payout: string, asked: PayoutRecord, found: readonly PaidReference[]): void;
  payments(nowMs: number): readonly SettledPayment[];
}

const COLLECTION = 'paid-references';
/** Addresses of which something is stored; the one that was asked longest ago goes first. */
const PAYOUTS_MAX = 500;

const storedSchema = z.object({
  peer: z.string(),
  askedAtMs: z.number(),
  payments: z.array(
    z.object({
      channelId: z.string(),
      payer: z.string(),
      /** Base units over the channel's life. */
      claimed: z.string(),
      /** The same as it had aged when it was stored. */
      value: z.number(),
    }),
  ),
});
type Stored = z.infer<typeof storedSchema>;

export function openReferenceRecords(records: RecordStore): ReferenceRecords {
  const known = new Map<string, Stored>(
    records.list(COLLECTION).map(({ key, value }) => [key, storedSchema.parse(JSON.parse(value))]),
  );
  return {
    find: (payout) => known.get(payout) ?? null,
    add(payout, { peer, askedAtMs }, found) {
      const before = known.get(payout);
      const stored = { peer, askedAtMs, payments: found.map((each) => grown(before, each, askedAtMs)) };
      known.set(payout, stored);
      records.set(COLLECTION, payout, JSON.stringify(stored));
      if (known.size <= PAYOUTS_MAX) return;
      const [oldest] = [...known].sort((left, right) => left[1].askedAtMs - right[1].askedAtMs);
      if (oldest === undefined) return;
      known.delete(oldest[0]);
      records.delete(COLLECTION, oldest[0]);
    },
    payments: (nowMs) =>
      [...known.values()].flatMap(({ peer, askedAtMs, payments }) =>
        payments.map(({ payer, value }) => ({ payer, peer, amount: value, ageMs: nowMs - askedAtMs })),
      ),
  };
}

function grown(
  before: Stored | undefined,
  { channelId, payer, claimed }: PaidReference,
  nowMs: number,
): Stored['payments'][number] {
  const earlier = before?.payments.find((each) => each.channelId === channelId);
  const aged =
    before === undefined || earlier === undefined ? 0 : agedAmount(earlier.value, nowMs - before.askedAtMs);
  const added = Math.max(0, Number(claimed - BigInt(earlier?.claimed ?? '0')));
  return { channelId, payer, claimed: claimed.toString(), value: aged + added };
}

/** Stores what each provider has proven to this buyer: valid receipts, failures, and deposits that are under way. */
import { z } from 'zod';
import type { RecordStore } from '../../ports/store.ts';
import type { BudgetTime } from './budget-time.ts';

const COLLECTION = 'bought-peer';

const unitsSchema = z
  .string()
  .regex(/^\d{1,40}$/)
  .transform(BigInt);
const recordSchema = z.object({
  /** Sum of the charges with a valid receipt, in base units. */
  verified: unitsSchema,
  receipts: z.number().int().nonnegative(),
  /** Paid requests that ended without a valid receipt, by the provider's fault. */
  failures: z.number().int().nonnegative(),
  isFunded: z.boolean(),
  /** Signed deposits that may still reach the chain, whatever the provider answered. */
  pending: z.array(
    z.object({
      amount: unitsSchema,
      untilMs: z.number(),
      /** Amount that the provider's channels held when this was signed. */
      heldBefore: unitsSchema,
    }),
  ),
});
export type PeerRecord = z.infer<typeof recordSchema>;

const EMPTY: PeerRecord = { verified: 0n, receipts: 0, failures: 0, isFunded: false, pending: [] };
/** A signed deposit is valid for 10 minutes; as much again for a chain whose clock is late. */
export const PENDING_MS = 1_200_000;

export interface PeerRecords {
  /** Null if nothing was ever bought there, or only before these records existed. */
  find(peer: string): PeerRecord | null;
  /**
   * Returns the record without deposits that can no longer reach the chain. `held` is what the provider's channels
   * hold now; `onLapsed` gets each one that never arrived, with the time of its signature.
   */
  current(peer: string, held: bigint, onLapsed: (amount: bigint, signedAtMs: number) => void): PeerRecord;
  change(peer: string, change: (record: PeerRecord) => PeerRecord): void;
}

export function createPeerRecords(records: RecordStore, time: Pick<BudgetTime, 'now'>): PeerRecords {
  const read = (text: string): PeerRecord => recordSchema.parse(JSON.parse(text));

  function find(peer: string): PeerRecord | null {
    const text = records.get(COLLECTION, peer);
    return text === null ? null : read(text);
  }

  function change(peer: string, by: (record: PeerRecord) => PeerRecord): void {
    records.update(COLLECTION, peer, (text) => write(by(text === null ? EMPTY : read(text))));
  }

  return {
    find,
    change,
    current(peer, held, onLapsed) {
      const record = find(peer) ?? EMPTY;
      const nowMs = time.now();
      // A deposit from the future was signed while the clock was wrong: it counts no longer than any other.
      const isOpen = ({ untilMs }: { untilMs: number }) => untilMs > nowMs && untilMs <= nowMs + PENDING_MS;
      const lapsed = record.pending.filter((each) => !isOpen(each));
      if (lapsed.length === 0) return record;
      const left = { ...record, pending: record.pending.filter(isOpen) };
      change(peer, () => left);
      for (const { amount, untilMs, heldBefore } of lapsed) {
        if (held <= heldBefore) onLapsed(amount, untilMs - PENDING_MS);
      }
      return left;
    },
  };
}

/** A provider is trusted while it has delivered more valid receipts than failures. */
export function isTrusted(record: PeerRecord | null): boolean {
  return record !== null && record.receipts > record.failures;
}

function write(record: PeerRecord): string {
  return JSON.stringify(record, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

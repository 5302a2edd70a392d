/** Transactions that move money, written down before they leave, kept until they are booked and then until no reorganisation reaches them. */
import { z } from 'zod';
import { type Amount, amount, amountSchema, ZERO } from '../../../shared/money.ts';
import type { ClaimOutcome } from '../../ports/claims.ts';
import type { ChainReader, Hex, TransactionReceipt } from '../../ports/evm.ts';
import type { RecordStore } from '../../ports/store.ts';
import { SETTLEMENT_ADDRESS } from './wire.ts';

const COLLECTION = 'x402-outbox';
const BOOKED = 'x402-booked';

const entrySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('claimed'),
    hash: z.string(),
    channels: z.array(z.object({ channelId: z.string(), amount: amountSchema, claimedTotal: amountSchema })),
    /** Sent by somebody else, who paid its fee. */
    relayed: z.boolean().default(false),
  }),
  z.object({
    type: z.literal('settled'),
    hash: z.string(),
    /** What each channel had been paid out before and after. */
    marks: z
      .array(z.object({ channelId: z.string(), before: amountSchema, after: amountSchema }))
      .default([]),
    relayed: z.boolean().default(false),
  }),
]);

/** What a transaction will have done once it is mined; a payout's sum is read from its receipt. */
export type OutboxEntry = z.infer<typeof entrySchema>;
export type NewOutboxEntry = OutboxEntry extends infer Entry
  ? Entry extends OutboxEntry
    ? Omit<Entry, 'relayed'> & { readonly relayed?: boolean }
    : never
  : never;

const bookedSchema = z.object({
  entry: entrySchema,
  amount: amountSchema,
  fee: amountSchema,
  blockNumber: z.number(),
  /** Null where it is not known yet. */
  blockHash: z.string().nullable(),
});
/** A transaction that was told and booked. */
export type BookedEntry = z.infer<typeof bookedSchema>;

export interface Outbox {
  begin(entry: NewOutboxEntry): void;
  find(hash: string): OutboxEntry | null;
  entries(): readonly OutboxEntry[];
  remove(hash: string): void;
  /** Keeps it for as long as the chain may still drop it. */
  keepBooked(entry: BookedEntry): void;
  /** The latest first. */
  booked(): readonly BookedEntry[];
  dropBooked(hash: string): void;
}

export function createOutbox(store: RecordStore): Outbox {
  const write = (value: unknown): string =>
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part));
  return {
    begin: (entry) => store.set(COLLECTION, entry.hash, write(entry)),
    find(hash) {
      const text = store.get(COLLECTION, hash);
      return text === null ? null : entrySchema.parse(JSON.parse(text));
    },
    entries: () => store.list(COLLECTION).map(({ value }) => entrySchema.parse(JSON.parse(value))),
    remove(hash) {
      store.delete(COLLECTION, hash);
    },
    keepBooked: (entry) => store.set(BOOKED, entry.entry.hash, write(entry)),
    booked: () =>
      store
        .list(BOOKED)
        .map(({ value }) => bookedSchema.parse(JSON.parse(value)))
        .sort((a, b) => b.blockNumber - a.blockNumber),
    dropBooked(hash) {
      store.delete(BOOKED, hash);
    },
  };
}

/** The outcome of a mined entry; null when it was reverted and moved nothing. */
export function outcomeOf(entry: OutboxEntry, receipt: TransactionReceipt): ClaimOutcome | null {
  if (receipt.status !== 'success') return null;
  const fee = entry.relayed ? ZERO : receipt.fee;
  const tx = { hash: receipt.hash, blockNumber: receipt.blockNumber, fee };
  if (entry.type === 'claimed') return { type: 'claimed', tx, channels: entry.channels };
  return { type: 'settled', tx, amount: settledAmount(receipt) };
}

/** The outcomes of everything begun that counts by now; what the chain never took is forgotten. */
export async function recoverOutbox(
  outbox: Outbox,
  chain: ChainReader,
  confirmations: number,
): Promise<readonly ClaimOutcome[]> {
  const outcomes: ClaimOutcome[] = [];
  for (const entry of outbox.entries()) {
    const receipt = await chain.receipt(entry.hash as Hex);
    if (receipt === null && (await chain.isPending(entry.hash as Hex))) continue;
    if (receipt !== null && confirmations > 1) {
      if ((await chain.height()) - receipt.blockNumber + 1 < confirmations) continue;
    }
    const outcome = receipt === null ? null : outcomeOf(entry, receipt);
    if (outcome === null) outbox.remove(entry.hash);
    else outcomes.push(outcome);
  }
  return outcomes.sort((a, b) => a.tx.blockNumber - b.tx.blockNumber);
}

/** `Settled(receiver, token, sender, amount)` is the contract's only event with three indexed values. */
export function settledAmount(receipt: Pick<TransactionReceipt, 'logs'>): Amount {
  const log = receipt.logs.find(
    ({ address, topics }) =>
      address.toLowerCase() === SETTLEMENT_ADDRESS.toLowerCase() && topics.length === 4,
  );
  if (log === undefined) throw new Error('a payout without its event');
  return amount(BigInt(log.data));
}

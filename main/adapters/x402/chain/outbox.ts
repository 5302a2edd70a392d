/**
 * Transactions that move money: recorded before they leave this machine, kept until the ledger has them and then
 * until no chain reorganization can reach them.
 */
import { z } from 'zod';
import { type Amount, amount, amountSchema, ZERO } from '../../../../shared/money.ts';
import type { ClaimOutcome } from '../../../ports/claims.ts';
import type { ChainReader, ChainSender, Hex, TransactionReceipt } from '../../../ports/evm.ts';
import { IMMEDIATE, type RecordStore } from '../../../ports/store.ts';
import { isSettlementContract } from './settlement-contract.ts';

const COLLECTION = 'x402-outbox';
const RECORDED = 'x402-booked';

const claimedChannelSchema = z.object({
  channelId: z.string(),
  amount: amountSchema,
  claimedTotal: amountSchema,
});
/** A channel's part of one claim. */
export type ClaimedChannel = z.infer<typeof claimedChannelSchema>;

const payoutMarkSchema = z.object({ channelId: z.string(), before: amountSchema, after: amountSchema });
/** A channel's total that is paid out, before and after a payout. */
export type PayoutMark = z.infer<typeof payoutMarkSchema>;

const entrySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('claimed'),
    hash: z.string(),
    channels: z.array(claimedChannelSchema),
    /** Sent by a third party, which paid the fee. */
    relayed: z.boolean().default(false),
    /** Transactions with the same nonce that this one replaced; one of them may be mined instead. */
    earlier: z.array(z.string()).default([]),
  }),
  z.object({
    type: z.literal('settled'),
    hash: z.string(),
    marks: z.array(payoutMarkSchema).default([]),
    relayed: z.boolean().default(false),
    earlier: z.array(z.string()).default([]),
  }),
]);

/** The effect of a transaction once it is mined; a payout's amount is read from its receipt. */
export type OutboxEntry = z.infer<typeof entrySchema>;
export type NewOutboxEntry = OutboxEntry extends infer Entry
  ? Entry extends OutboxEntry
    ? Omit<Entry, 'relayed' | 'earlier'> & { readonly relayed?: boolean }
    : never
  : never;

const recordedSchema = z.object({
  entry: entrySchema,
  amount: amountSchema,
  fee: amountSchema,
  blockNumber: z.number(),
  /** Null until it is known. */
  blockHash: z.string().nullable(),
});
/** A transaction that the ledger has recorded. */
export type RecordedEntry = z.infer<typeof recordedSchema>;

export interface Outbox {
  begin(entry: NewOutboxEntry): void;
  find(hash: string): OutboxEntry | null;
  entries(): readonly OutboxEntry[];
  remove(hash: string): void;
  /** The transaction of an entry was replaced by another one with the same nonce and effect. Others are ignored. */
  replace(earlier: string, hash: string): void;
  /** Keeps a recorded transaction for as long as the chain may still drop it. */
  keepRecorded(entry: RecordedEntry): void;
  /** Newest first. */
  recorded(): readonly RecordedEntry[];
  dropRecorded(hash: string): void;
}

/** Entries are on disk when a call returns; what a crash may repeat is deferred. */
export function createOutbox(store: RecordStore, durability = IMMEDIATE): Outbox {
  const write = (value: unknown): string =>
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part));
  const find = (hash: string): OutboxEntry | null => {
    const text = store.get(COLLECTION, hash);
    return text === null ? null : entrySchema.parse(JSON.parse(text));
  };
  return {
    begin: (entry) => store.set(COLLECTION, entry.hash, write(entry)),
    find,
    entries: () => store.list(COLLECTION).map(({ value }) => entrySchema.parse(JSON.parse(value))),
    remove(hash) {
      durability.defer(() => store.delete(COLLECTION, hash));
    },
    replace(earlier, hash) {
      const entry = find(earlier);
      if (entry === null) return;
      const others = [...entry.earlier, earlier].filter((other) => other !== hash);
      store.set(COLLECTION, hash, write({ ...entry, hash, earlier: others }));
      store.delete(COLLECTION, earlier);
    },
    keepRecorded: (entry) => durability.defer(() => store.set(RECORDED, entry.entry.hash, write(entry))),
    recorded: () =>
      store
        .list(RECORDED)
        .map(({ value }) => recordedSchema.parse(JSON.parse(value)))
        .sort((a, b) => b.blockNumber - a.blockNumber),
    dropRecorded(hash) {
      durability.defer(() => store.delete(RECORDED, hash));
    },
  };
}

/** Returns the claims that are sent and not acknowledged yet, by channel. */
export function unacknowledgedClaims(outbox: Outbox): readonly ClaimedChannel[] {
  return outbox.entries().flatMap((entry) => (entry.type === 'claimed' ? entry.channels : []));
}

/** True when a claim of this channel is sent and not acknowledged yet. */
export function hasUnacknowledgedClaim(outbox: Outbox, channelId: string): boolean {
  return unacknowledgedClaims(outbox).some((row) => row.channelId === channelId.toLowerCase());
}

/** Returns the outcome of a mined entry; null when the transaction was reverted and moved nothing. */
export function outcomeOf(entry: OutboxEntry, receipt: TransactionReceipt): ClaimOutcome | null {
  if (receipt.status !== 'success') return null;
  const fee = entry.relayed ? ZERO : receipt.fee;
  const tx = { hash: receipt.hash, blockNumber: receipt.blockNumber, fee };
  if (entry.type === 'claimed') return { type: 'claimed', tx, channels: entry.channels };
  return { type: 'settled', tx, amount: settledAmount(receipt) };
}

/**
 * Returns the outcomes of all entries that are final; removes entries that the chain never accepted, whose nonces are
 * free again.
 */
export async function recoverOutbox(
  outbox: Outbox,
  chain: Pick<ChainSender, 'receipt' | 'isPending' | 'height' | 'forgetNonce'>,
  confirmations: number,
): Promise<readonly ClaimOutcome[]> {
  const outcomes: ClaimOutcome[] = [];
  for (const entry of outbox.entries()) {
    const receipt = await minedOf(entry, chain);
    if (receipt === null && (await isAnyPending(entry, chain))) continue;
    if (receipt !== null && confirmations > 1) {
      if ((await chain.height()) - receipt.blockNumber + 1 < confirmations) continue;
    }
    const outcome = receipt === null ? null : outcomeOf(entry, receipt);
    if (receipt === null) chain.forgetNonce();
    if (outcome === null) outbox.remove(entry.hash);
    else {
      if (outcome.tx.hash !== entry.hash) outbox.replace(entry.hash, outcome.tx.hash);
      outcomes.push(outcome);
    }
  }
  return outcomes.sort((a, b) => a.tx.blockNumber - b.tx.blockNumber);
}

/** Returns the receipt of the entry's transaction or of one that it replaced; null if none is mined. */
async function minedOf(
  entry: OutboxEntry,
  chain: Pick<ChainReader, 'receipt'>,
): Promise<TransactionReceipt | null> {
  for (const hash of [entry.hash, ...entry.earlier]) {
    const receipt = await chain.receipt(hash as Hex);
    if (receipt !== null) return receipt;
  }
  return null;
}

async function isAnyPending(entry: OutboxEntry, chain: Pick<ChainReader, 'isPending'>): Promise<boolean> {
  for (const hash of [entry.hash, ...entry.earlier]) if (await chain.isPending(hash as Hex)) return true;
  return false;
}

/** `Settled(receiver, token, sender, amount)` is the contract's only event with three indexed values. */
function settledAmount(receipt: Pick<TransactionReceipt, 'logs'>): Amount {
  const log = receipt.logs.find(
    ({ address, topics }) => isSettlementContract(address) && topics.length === 4,
  );
  if (log === undefined) throw new Error('a payout without its event');
  return amount(BigInt(log.data));
}

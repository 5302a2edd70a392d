/** Transactions that move money, written down before they leave and kept until they are booked. */
import { z } from 'zod';
import { amount, amountSchema } from '../../../shared/money.ts';
import type { ClaimOutcome } from '../../ports/claims.ts';
import type { ChainReader, Hex, TransactionReceipt } from '../../ports/evm.ts';
import type { RecordStore } from '../../ports/store.ts';
import { SETTLEMENT_ADDRESS } from './wire.ts';

const COLLECTION = 'x402-outbox';

const entrySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('claimed'),
    hash: z.string(),
    channels: z.array(z.object({ channelId: z.string(), amount: amountSchema, claimedTotal: amountSchema })),
  }),
  z.object({ type: z.literal('settled'), hash: z.string() }),
]);

/** What a transaction will have done once it is mined; a payout's sum is read from its receipt. */
export type OutboxEntry = z.infer<typeof entrySchema>;

export interface Outbox {
  begin(entry: OutboxEntry): void;
  entries(): readonly OutboxEntry[];
  remove(hash: string): void;
}

export function createOutbox(store: RecordStore): Outbox {
  return {
    begin(entry) {
      const text = JSON.stringify(entry, (_, value) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      store.set(COLLECTION, entry.hash, text);
    },
    entries: () => store.list(COLLECTION).map(({ value }) => entrySchema.parse(JSON.parse(value))),
    remove(hash) {
      store.delete(COLLECTION, hash);
    },
  };
}

/** The outcome of a mined entry; null when it was reverted and moved nothing. */
export function outcomeOf(entry: OutboxEntry, receipt: TransactionReceipt): ClaimOutcome | null {
  if (receipt.status !== 'success') return null;
  const tx = { hash: receipt.hash, blockNumber: receipt.blockNumber, fee: receipt.fee };
  if (entry.type === 'claimed') return { type: 'claimed', tx, channels: entry.channels };
  return { type: 'settled', tx, amount: settledAmount(receipt) };
}

/** The outcomes of everything begun; what the chain never took is forgotten. */
export async function recoverOutbox(outbox: Outbox, chain: ChainReader): Promise<readonly ClaimOutcome[]> {
  const outcomes: ClaimOutcome[] = [];
  for (const entry of outbox.entries()) {
    const receipt = await chain.receipt(entry.hash as Hex);
    if (receipt === null && (await chain.isPending(entry.hash as Hex))) continue;
    const outcome = receipt === null ? null : outcomeOf(entry, receipt);
    if (outcome === null) outbox.remove(entry.hash);
    else outcomes.push(outcome);
  }
  return outcomes.sort((a, b) => a.tx.blockNumber - b.tx.blockNumber);
}

/** `Settled(receiver, token, sender, amount)` is the contract's only event with three indexed values. */
function settledAmount(receipt: TransactionReceipt) {
  const log = receipt.logs.find(
    ({ address, topics }) =>
      address.toLowerCase() === SETTLEMENT_ADDRESS.toLowerCase() && topics.length === 4,
  );
  if (log === undefined) throw new Error('a payout without its event');
  return amount(BigInt(log.data));
}

/** Stores the wallet's own transactions before they are sent: outbox and history in one. */
import { z } from 'zod';
import type { WalletTransaction } from '../../../shared/api/wallet.ts';
import { amountSchema } from '../../../shared/money.ts';
import type { Hex } from '../../ports/evm.ts';
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'wallet-transactions';

const hexSchema = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-fA-F]*$/.test(value));
const bigintSchema = z
  .string()
  .regex(/^\d+$/)
  .transform((text) => BigInt(text));

const customerPayoutSchema = z.object({
  reference: z.string(),
  customerId: z.string(),
  /** The owner's name for the customer; null for a payer on the chain. */
  name: z.string().nullable().default(null),
});
/** Payout of a balance to a customer of the storefront; `reference` is unique. */
export type PayoutOfCustomer = z.infer<typeof customerPayoutSchema>;

const entrySchema = z.object({
  hash: hexSchema,
  chainId: z.number().int(),
  asset: z.enum(['token', 'coin']),
  from: hexSchema,
  /** The recipient, not the token's contract. */
  to: hexSchema,
  amount: amountSchema,
  call: z.object({ to: hexSchema, data: hexSchema, value: bigintSchema }),
  gasLimit: bigintSchema,
  maxFeePerGas: bigintSchema,
  maxPriorityFeePerGas: bigintSchema,
  dataFee: amountSchema,
  nonce: z.number().int(),
  /** The signed transaction that the owner confirmed; broadcast again unchanged if the network lost it. */
  signed: hexSchema,
  /** A node has accepted it. */
  taken: z.boolean(),
  state: z.enum(['pending', 'mined', 'failed', 'replaced', 'dropped']),
  reason: z.string().nullable(),
  fee: amountSchema.nullable(),
  replacedBy: hexSchema.nullable(),
  cancels: z.boolean(),
  /** The recipient is this wallet itself: only the fee leaves it. */
  own: z.boolean(),
  /** The customer's payout that it is for. */
  payout: customerPayoutSchema.nullable().default(null),
  sentAtMs: z.number(),
  /** Time since which the node doesn't have it. */
  missingSinceMs: z.number().nullable(),
  minedAtMs: z.number().nullable(),
  blockNumber: z.number().int().nullable(),
});
export type SentTransaction = z.output<typeof entrySchema>;

/** The wallet's transactions on one chain. */
export interface Transactions {
  /** Newest first. */
  list(): readonly SentTransaction[];
  find(hash: string): SentTransaction | null;
  /** Durable when it returns. */
  keep(entry: SentTransaction): void;
}

export function createTransactions(store: RecordStore, chainId: number): Transactions {
  const read = (text: string) => entrySchema.parse(JSON.parse(text));
  return {
    list: () =>
      store
        .list(COLLECTION)
        .map(({ value }) => read(value))
        .filter((entry) => entry.chainId === chainId)
        .sort((left, right) => right.sentAtMs - left.sentAtMs || right.nonce - left.nonce),
    find(hash) {
      const text = store.get(COLLECTION, hash);
      return text === null ? null : read(text);
    },
    keep(entry) {
      const text = JSON.stringify(entry, (_, value) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      store.set(COLLECTION, entry.hash, text);
    },
  };
}

/** Maximum fee of the transaction, in base units of the coin. */
export function feeMax(entry: Pick<SentTransaction, 'gasLimit' | 'maxFeePerGas' | 'dataFee'>): bigint {
  return entry.gasLimit * entry.maxFeePerGas + entry.dataFee;
}

/** Converts a transaction for pages and terminal. */
export function shown(entry: SentTransaction): WalletTransaction {
  return {
    hash: entry.hash,
    asset: entry.asset,
    from: entry.from,
    to: entry.to,
    amount: entry.amount.toString(),
    fee: entry.fee?.toString() ?? null,
    feeMax: feeMax(entry).toString(),
    nonce: entry.nonce,
    state: entry.state,
    reason: entry.reason,
    replacedBy: entry.replacedBy,
    cancels: entry.cancels,
    sentAtMs: entry.sentAtMs,
    minedAtMs: entry.minedAtMs,
    blockNumber: entry.blockNumber,
  };
}

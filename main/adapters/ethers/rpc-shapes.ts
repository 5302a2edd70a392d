/** Schemas of a node's answers, validated before anything is read from them. */
import { z } from 'zod';
import { amount } from '../../../shared/money.ts';
import type { Hex, TransactionReceipt } from '../../ports/evm.ts';

export const hexSchema = z.string().regex(/^0x[0-9a-fA-F]*$/);
export const quantitySchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text));

const logSchema = z.object({ address: hexSchema, topics: z.array(hexSchema), data: hexSchema });

/** Null while the transaction is in no block. */
export const receiptSchema = z
  .object({
    status: quantitySchema,
    blockNumber: quantitySchema,
    blockHash: hexSchema,
    gasUsed: quantitySchema,
    effectiveGasPrice: quantitySchema,
    /** Rollups of the OP stack charge this in addition to gas, for the data on Ethereum. */
    l1Fee: quantitySchema.nullish(),
    logs: z.array(logSchema),
  })
  .nullable();

/** Events, each with the transaction and block that it comes from. */
export const logsSchema = z.array(
  logSchema.extend({ transactionHash: hexSchema, blockNumber: quantitySchema }),
);

/** State of a transaction at the node: held but not mined, mined, or unknown. */
export const pendingSchema = z.union([
  z.object({ blockNumber: z.null() }).transform(() => 'pending' as const),
  z.object({ blockNumber: quantitySchema }).transform(() => 'mined' as const),
  z.null().transform(() => 'unknown' as const),
]);
export const blockSchema = z.object({
  baseFeePerGas: quantitySchema.nullish(),
  timestamp: quantitySchema,
  hash: hexSchema,
});

export function toReceipt(
  hash: Hex,
  receipt: NonNullable<z.infer<typeof receiptSchema>>,
): TransactionReceipt {
  return {
    hash,
    status: receipt.status === 1n ? 'success' : 'reverted',
    blockNumber: Number(receipt.blockNumber),
    blockHash: receipt.blockHash as Hex,
    fee: amount(receipt.gasUsed * receipt.effectiveGasPrice + (receipt.l1Fee ?? 0n)),
    gasUsed: receipt.gasUsed,
    logs: receipt.logs as TransactionReceipt['logs'],
  };
}

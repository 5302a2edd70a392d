/**
 * Supported tensor types: their number in a file, and the weights and bytes of one block
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and ggml's own block structures).
 */
import { z } from 'zod';

export const tensorTypeSchema = z.enum([
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q4_0',
  'Q4_1',
  'Q4_K',
  'Q5_K',
  'Q6_K',
]);
export type TensorType = z.infer<typeof tensorTypeSchema>;

interface Block {
  /** The type's number in a file. */
  readonly id: number;
  readonly weights: number;
  readonly bytes: number;
}

export const BLOCKS: Readonly<Record<TensorType, Block>> = {
  F32: { id: 0, weights: 1, bytes: 4 },
  F16: { id: 1, weights: 1, bytes: 2 },
  BF16: { id: 30, weights: 1, bytes: 2 },
  Q8_0: { id: 8, weights: 32, bytes: 34 },
  Q4_0: { id: 2, weights: 32, bytes: 18 },
  Q4_1: { id: 3, weights: 32, bytes: 20 },
  Q4_K: { id: 12, weights: 256, bytes: 144 },
  Q5_K: { id: 13, weights: 256, bytes: 176 },
  Q6_K: { id: 14, weights: 256, bytes: 210 },
};

const BY_ID = new Map(tensorTypeSchema.options.map((type) => [BLOCKS[type].id, type]));

/** Returns null for a type that is not in the table. */
export function tensorType(id: number): TensorType | null {
  return BY_ID.get(id) ?? null;
}

/** Returns the bytes of a tensor. Its rows (the first dimension) must be whole blocks. */
export function tensorBytes(type: TensorType, shape: readonly number[]): number {
  const block = BLOCKS[type];
  if ((shape[0] ?? 0) % block.weights !== 0)
    throw new RangeError(`Rows of ${shape[0]} weights are not whole blocks of ${type}.`);
  return (shape.reduce((product, size) => product * size, 1) / block.weights) * block.bytes;
}

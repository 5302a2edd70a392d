/** Batches as OpenAI defines them: their limits, their states, and what is stored of files and batches. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, RESPONSES_PATH, TEXT_PATH } from './wire.ts';

/** OpenAI's limits of a batch. */
export const BATCH_LIMITS = {
  linesMax: 50_000,
  fileBytesMax: 200 * 1024 * 1024,
  /** The same as of a live request. */
  lineBytesMax: 1024 * 1024,
  customIdCharactersMax: 512,
  metadataMax: 16,
  metadataKeyCharactersMax: 64,
  metadataValueCharactersMax: 512,
  /** Errors of a file that are listed; there may be more. */
  errorsMax: 100,
} as const;

export const COMPLETION_WINDOW = '24h';
export const COMPLETION_WINDOW_MS = 86_400_000;

export const BATCH_ENDPOINTS = [CHAT_PATH, TEXT_PATH, RESPONSES_PATH, EMBEDDINGS_PATH] as const;
export const batchEndpointSchema = z.enum(BATCH_ENDPOINTS);

export const FILE_PURPOSES = ['batch', 'batch_output'] as const;

export const storedFileSchema = z.object({
  id: z.string(),
  purpose: z.enum(FILE_PURPOSES),
  /** As the client named it; never used as a path. */
  name: z.string(),
  bytes: z.number().int(),
  createdAtMs: z.number(),
});
export type StoredFile = z.infer<typeof storedFileSchema>;

export const batchStatusSchema = z.enum([
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
]);
export type BatchStatus = z.infer<typeof batchStatusSchema>;

/** States in which a batch changes no more. */
export const ENDED_STATUSES: readonly BatchStatus[] = ['failed', 'completed', 'expired', 'cancelled'];

/** The reason why no line of a batch is sent now. */
export const batchWaitSchema = z.enum([
  'provider', // no provider of the model is there or has a free place
  'price', // every offer costs more than the maximum price of batches
  'daily-budget',
  'funds',
  'hours', // outside of the hours of batches
  'disk', // the disk or its budget takes no answers
]);
export type BatchWait = z.infer<typeof batchWaitSchema>;

export const batchErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  param: z.string().nullable(),
  /** From 1; null if it concerns the file. */
  line: z.number().int().nullable(),
});
export type BatchError = z.infer<typeof batchErrorSchema>;

const timeSchema = z.number().nullable().default(null);

export const storedBatchSchema = z.object({
  id: z.string(),
  endpoint: batchEndpointSchema,
  inputFileId: z.string(),
  metadata: z.record(z.string(), z.string()).nullable(),
  /** The key of the gateway that created it, whose budget its lines count for; null: the owner, on a page. */
  keyId: z.string().nullable().default(null),
  status: batchStatusSchema,
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  inProgressAtMs: timeSchema,
  finalizingAtMs: timeSchema,
  completedAtMs: timeSchema,
  failedAtMs: timeSchema,
  expiredAtMs: timeSchema,
  cancellingAtMs: timeSchema,
  cancelledAtMs: timeSchema,
  outputFileId: z.string().nullable().default(null),
  errorFileId: z.string().nullable().default(null),
  errors: z.array(batchErrorSchema).default([]),
  total: z.number().int().default(0),
  completed: z.number().int().default(0),
  failed: z.number().int().default(0),
  /** Base units that its lines have cost so far. */
  charged: amountTextSchema.default('0'),
});
export type StoredBatch = z.infer<typeof storedBatchSchema>;

/**
 * Lines of batches that wait for a slot at a provider, so that its engine never waits for the next one. Live requests pass
 * them.
 */
export const LINES_WAITING_MAX = 2;

export function hasEnded({ status }: Pick<StoredBatch, 'status'>): boolean {
  return ENDED_STATUSES.includes(status);
}

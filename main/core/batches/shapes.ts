/** Files and batches in OpenAI's shapes, and the requests for them. */
import { z } from 'zod';
import {
  BATCH_LIMITS,
  type BatchWait,
  batchEndpointSchema,
  COMPLETION_WINDOW,
  type StoredBatch,
  type StoredFile,
} from '../../../shared/batches.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import type { ListPage } from '../../ports/batches.ts';

export function fileObject({ id, purpose, name, bytes, createdAtMs }: StoredFile) {
  const created = seconds(createdAtMs);
  return { id, object: 'file', bytes, created_at: created, filename: name, purpose, status: 'processed' };
}

/** `idlewatt` is ours: what the batch has cost, in base units, and why it waits. */
export function batchObject(batch: StoredBatch, wait: BatchWait | null, assetId: string) {
  const { id, endpoint, status, errors, total, completed, failed, charged, metadata } = batch;
  return {
    ...{ id, object: 'batch', endpoint },
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    input_file_id: batch.inputFileId,
    completion_window: COMPLETION_WINDOW,
    status,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: seconds(batch.createdAtMs),
    in_progress_at: seconds(batch.inProgressAtMs),
    expires_at: seconds(batch.expiresAtMs),
    finalizing_at: seconds(batch.finalizingAtMs),
    completed_at: seconds(batch.completedAtMs),
    failed_at: seconds(batch.failedAtMs),
    expired_at: seconds(batch.expiredAtMs),
    cancelling_at: seconds(batch.cancellingAtMs),
    cancelled_at: seconds(batch.cancelledAtMs),
    request_counts: { total, completed, failed },
    metadata,
    idlewatt: { charged, asset: assetId, waiting_for: wait },
  };
}

/** A page of a list; `items` has one more than the page if there are more. */
export function listObject<T extends { readonly id: string }>(items: readonly T[], limit: number) {
  const data = items.slice(0, limit);
  const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
  return { object: 'list', data, first_id: first, last_id: last, has_more: items.length > limit };
}

function seconds(atMs: number | null): number | null {
  return atMs === null ? null : Math.floor(atMs / 1_000);
}

const textSchema = (max: number) => z.string().max(max);
const createSchema = z.object({
  input_file_id: z.string().max(100),
  endpoint: batchEndpointSchema,
  completion_window: z.literal(COMPLETION_WINDOW),
  metadata: z
    .record(
      textSchema(BATCH_LIMITS.metadataKeyCharactersMax),
      textSchema(BATCH_LIMITS.metadataValueCharactersMax),
    )
    .refine((metadata) => Object.keys(metadata).length <= BATCH_LIMITS.metadataMax, {
      message: `must have at most ${BATCH_LIMITS.metadataMax} keys`,
    })
    .nullish(),
});
export type CreateBatch = z.infer<typeof createSchema>;

const LIST_LIMIT_DEFAULT = 20;
const LIST_LIMIT_MAX = 100;
/** OpenAI's limit for files. */
const FILE_LIST_LIMIT_MAX = 10_000;
const pageSchema = (limitMax: number, limitDefault: number) =>
  z.object({
    after: z.string().max(100).optional(),
    limit: z.coerce.number().int().min(1).max(limitMax).default(limitDefault),
    order: z.enum(['asc', 'desc']).default('desc'),
  });

/** Reads the body of a request for a batch. Fails with `bad-request`. */
export function readCreateBatch(body: unknown): CreateBatch {
  return read(createSchema, body);
}

/** Reads a page of a list: one item more than `limit` is to be read. Fails with `bad-request`. */
export function readPage(query: Readonly<Record<string, string>>, kind: 'files' | 'batches') {
  const isFiles = kind === 'files';
  const schema = pageSchema(
    isFiles ? FILE_LIST_LIMIT_MAX : LIST_LIMIT_MAX,
    isFiles ? FILE_LIST_LIMIT_MAX : LIST_LIMIT_DEFAULT,
  );
  const { after, limit, order } = read(schema, query);
  const page: ListPage = { after: after ?? null, limit: limit + 1, isNewestFirst: order === 'desc' };
  return { limit, page };
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = checkShape(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = issue?.path.join('.') || null;
  throw new AppError(
    'bad-request',
    `Invalid ${param === null ? 'body' : `"${param}"`}: ${issue?.message ?? ''}.`,
    {
      details: { param, code: 'invalid_value' },
    },
  );
}

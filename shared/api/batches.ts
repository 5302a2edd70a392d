/** The API for batches: the state that pages show, uploads in parts, and downloads in parts. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { batchEndpointSchema, batchErrorSchema, batchStatusSchema, batchWaitSchema } from '../batches.ts';
import { amountTextSchema } from '../money.ts';

export const batchViewSchema = z.object({
  id: z.string(),
  /** Of its file, as it was uploaded; null if the file was deleted. */
  name: z.string().nullable(),
  status: batchStatusSchema,
  /** Null if lines are sent, or if it has ended. */
  wait: batchWaitSchema.nullable(),
  total: z.number().int(),
  completed: z.number().int(),
  failed: z.number().int(),
  createdAtMs: z.number(),
  /** By the speed of the last lines; null while that is unknown. */
  leftMs: z.number().nullable(),
  /** Base units. */
  charged: amountTextSchema,
  /** Null if there is none, or if it was deleted. */
  outputFileId: z.string().nullable(),
  errorFileId: z.string().nullable(),
  /** The first error of its file. */
  error: batchErrorSchema.nullable(),
});
export type BatchView = z.infer<typeof batchViewSchema>;

/** The newest batches, the newest first. */
export const batchesStateSchema = z.object({ list: z.array(batchViewSchema) });

/** Bytes of a part of a file. */
export const FILE_PART_BYTES_MAX = 256 * 1024;
/** The same as base64. */
const PART_CHARACTERS_MAX = Math.ceil(FILE_PART_BYTES_MAX / 3) * 4;

const idSchema = z.object({ id: z.string().max(100) });
const nothing = z.object({});

export const batchesContract = {
  /** Begins an upload. It ends automatically if no part arrives for a while. */
  openUpload: oc.input(z.object({ name: z.string().max(1_000) })).output(idSchema),
  addPart: oc.input(idSchema.extend({ base64: z.base64().max(PART_CHARACTERS_MAX) })).output(nothing),
  /** Ends an upload and begins its batch. */
  create: oc.input(idSchema.extend({ endpoint: batchEndpointSchema.nullable() })).output(idSchema),
  cancel: oc.input(idSchema).output(nothing),
  /** Reads a part of a file; `bytes` is the size of the whole file. */
  readPart: oc
    .input(idSchema.extend({ offset: z.number().int().min(0) }))
    .output(z.object({ base64: z.string(), bytes: z.number().int(), name: z.string() })),
};

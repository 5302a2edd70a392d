/** Checks the lines of a batch's file and stores where each one is; nothing is sent before all are checked. */
import { z } from 'zod';
import {
  BATCH_LIMITS,
  type BatchError,
  batchEndpointSchema,
  type StoredBatch,
} from '../../../shared/batches.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { parseJson } from '../../../shared/json.ts';
import { CHAT_PATH } from '../../../shared/wire.ts';
import type { BatchStore } from '../../ports/batches.ts';
import type { BatchFolder, FileLine } from './folder.ts';

const lineSchema = z.object({
  custom_id: z.string().min(1).max(BATCH_LIMITS.customIdCharactersMax),
  method: z.literal('POST'),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
export type LineContent = z.infer<typeof lineSchema>;

/** Lines that are stored together. */
const GROUP = 500;

export interface CheckedFile {
  readonly total: number;
  /** Empty if the batch may begin. */
  readonly errors: readonly BatchError[];
}

/** Replaces the lines of the batch by those of its file. Fails with `not-found` if the file is gone. */
export async function checkFile(
  { store, folder }: { readonly store: BatchStore; readonly folder: BatchFolder },
  batch: StoredBatch,
): Promise<CheckedFile> {
  store.deleteLines(batch.id);
  const errors: BatchError[] = [];
  let total = 0;
  let group: (Pick<FileLine, 'line' | 'offset' | 'bytes'> & { customId: string })[] = [];
  const storeGroup = async () => {
    for (const line of store.addLines(batch.id, group)) {
      errors.push(errorOf('duplicate_custom_id', 'Another line has the same custom_id.', line, 'custom_id'));
    }
    group = [];
    await store.durable();
  };
  for await (const { content, ...place } of folder.lines(batch.inputFileId, BATCH_LIMITS.lineBytesMax)) {
    total += 1;
    if (total > BATCH_LIMITS.linesMax) {
      errors.push(errorOf('too_many_tasks', `A batch has at most ${BATCH_LIMITS.linesMax} lines.`, null));
      break;
    }
    const read = readLine(content, batch.endpoint, place.line);
    if ('code' in read) errors.push(read);
    else group.push({ ...place, customId: read.custom_id });
    if (group.length === GROUP) await storeGroup();
    if (errors.length >= BATCH_LIMITS.errorsMax) break;
  }
  await storeGroup();
  if (total === 0) errors.push(errorOf('empty_file', 'The file has no lines.', null));
  return { total, errors: errors.slice(0, BATCH_LIMITS.errorsMax) };
}

/** Returns the endpoint that the first line names, or that of chats: the check then finds what is wrong. */
export async function firstEndpoint(folder: BatchFolder, fileId: string): Promise<StoredBatch['endpoint']> {
  for await (const { content } of folder.lines(fileId, BATCH_LIMITS.lineBytesMax)) {
    const read = checkShape(lineSchema, content === null ? undefined : parsed(content));
    const endpoint = batchEndpointSchema.safeParse(read.data?.url);
    return endpoint.data ?? CHAT_PATH;
  }
  return CHAT_PATH;
}

/** Reads a line of a file that was checked. */
export function readContent(content: Buffer): LineContent {
  return lineSchema.parse(parseJson(content.toString()));
}

function readLine(content: Buffer | null, endpoint: string, line: number): LineContent | BatchError {
  if (content === null) {
    return errorOf('line_too_long', `A line has at most ${BATCH_LIMITS.lineBytesMax} bytes.`, line);
  }
  const value = parsed(content);
  if (value === undefined) return errorOf('invalid_json_line', 'This line is not valid JSON.', line);
  const read = checkShape(lineSchema, value);
  if (!read.success) {
    const issue = read.error.issues[0];
    const param = issue?.path.join('.') || null;
    return errorOf(
      'invalid_value',
      `Invalid ${param ?? 'line'}: ${issue?.message ?? 'unknown'}.`,
      line,
      param,
    );
  }
  if (read.data.url !== endpoint) {
    return errorOf('mismatched_url', `The url must be the batch’s endpoint, ${endpoint}.`, line, 'url');
  }
  return read.data;
}

function parsed(content: Buffer): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch {
    return undefined;
  }
}

function errorOf(
  code: string,
  message: string,
  line: number | null,
  param: string | null = null,
): BatchError {
  return { code, message, line, param };
}

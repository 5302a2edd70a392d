/** IDs of files and batches, in the form of OpenAI's. */
import { createHash, randomBytes } from 'node:crypto';

const BYTES = 12;

export function newFileId(): string {
  return `file-${randomBytes(BYTES).toString('hex')}`;
}

export function newBatchId(): string {
  return `batch_${randomBytes(BYTES).toString('hex')}`;
}

/** The same file for the same batch, so that writing it again after a kill replaces it. */
export function resultFileId(batchId: string, kind: 'output' | 'errors'): string {
  return `file-${createHash('sha256')
    .update(`${batchId} ${kind}`)
    .digest('hex')
    .slice(0, BYTES * 2)}`;
}

/** ID of one line's request. */
export function lineId(batchId: string, line: number): string {
  return `batch_req_${batchId.slice(-BYTES * 2)}_${line}`;
}

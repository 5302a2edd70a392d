/** Reads what a request says about the lines of batches. */
import { AppError } from '../../../shared/errors.ts';
import { BATCH_JOB_HEADER, BATCH_KEY_HEADER, BATCH_TAKEN_HEADER } from '../../../shared/wire.ts';
import type { AdmittedPayment } from '../../ports/payments.ts';

export interface BatchRequest {
  /** ID of the job at the buyer. */
  readonly job: string;
  /** The key of its answer's file; null if it may not be on disk. */
  readonly key: Buffer | null;
  /** Jobs of the same buyer whose answers it has stored. */
  readonly taken: readonly string[];
}

const KEY_BYTES = 32;
/** IDs that one request may name. */
const TAKEN_MAX = 32;

type ReadHeader = (name: string) => string | undefined;

/** Returns null for a request that is no line of a batch. Fails with `bad-request`. */
export function readBatchRequest(header: ReadHeader): BatchRequest | null {
  const job = header(BATCH_JOB_HEADER);
  if (job === undefined) return null;
  const taken = (header(BATCH_TAKEN_HEADER) ?? '').split(' ').filter(Boolean).slice(0, TAKEN_MAX);
  return { job, key: readBatchKey(header), taken };
}

/** Returns the key of an answer's file. Fails with `bad-request`. */
export function readBatchKey(header: ReadHeader): Buffer | null {
  const text = header(BATCH_KEY_HEADER);
  if (text === undefined) return null;
  const key = Buffer.from(text, 'base64url');
  if (key.byteLength === KEY_BYTES) return key;
  throw new AppError(
    'bad-request',
    `Invalid "${BATCH_KEY_HEADER}": must be ${KEY_BYTES} bytes in base64url.`,
    {
      details: { code: 'invalid_value' },
    },
  );
}

/**
 * Fails with `aborted`, with the payment released, for a buyer that has left before its answer was begun: it may have
 * asked already what it was charged, and then buys the answer again.
 */
export async function refuseIfGone(buyer: AbortSignal, payment: AdmittedPayment): Promise<void> {
  if (!buyer.aborted) return;
  await payment.cancel();
  throw new AppError('aborted', 'The requester disconnected.');
}

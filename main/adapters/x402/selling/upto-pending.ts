/** Records of `upto` payments that were sent and whose result wasn't seen yet. */
import { z } from 'zod';
import { payerCustomerId } from '../../../../shared/customers.ts';
import type { Job } from '../../../../shared/jobs.ts';
import { parseJson } from '../../../../shared/json.ts';
import type { RecordStore } from '../../../ports/store.ts';

/** By the payment's reference. */
export const PENDING = 'x402-upto-pending';

export const pendingSchema = z.object({
  hash: z.string(),
  /** Transactions with the same nonce and effect that this one replaced; one of them may be mined instead. */
  earlier: z.array(z.string()).default([]),
  from: z.string(),
  to: z.string(),
  value: z.string(),
  deadline: z.string(),
  /** Cost of the answer. */
  used: z.string().default('0'),
  /** ID of the answer's job; null in records of earlier versions. */
  job: z.string().nullable().default(null),
});
export type Pending = z.infer<typeof pendingSchema>;

/**
 * True while a payment for this job is on its way: it pays for its own answer when it arrives. One that the ledger has by
 * its reference is a balance by now, and the job is charged to it.
 */
export function isPaymentPending(
  store: Pick<RecordStore, 'list'>,
  isRecorded: (reference: string) => boolean,
  { id, channelId }: Pick<Job, 'id' | 'channelId'>,
): boolean {
  return store.list(PENDING).some(({ key, value }) => {
    const pending = read(value);
    if (pending === null || isRecorded(key)) return false;
    return pending.job === null ? payerCustomerId(pending.from) === channelId : pending.job === id;
  });
}

/** Notes that a transaction was replaced by another one with the same nonce and effect. Others than these are ignored. */
export function replacePending(
  store: Pick<RecordStore, 'list' | 'set'>,
  replaced: string,
  hash: string,
): void {
  for (const { key, value } of store.list(PENDING)) {
    const pending = read(value);
    if (pending?.hash !== replaced) continue;
    store.set(PENDING, key, JSON.stringify({ ...pending, hash, earlier: [...pending.earlier, replaced] }));
  }
}

/** Null for a damaged record, which must not keep the agent from starting. */
function read(value: string): Pending | null {
  try {
    return pendingSchema.parse(parseJson(value));
  } catch {
    return null;
  }
}

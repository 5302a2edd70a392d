/** Records of `upto` payments that were sent and whose result wasn't seen yet. */
import { z } from 'zod';
import { payerCustomerId } from '../../../../shared/customers.ts';
import { parseJson } from '../../../../shared/json.ts';
import type { RecordStore } from '../../../ports/store.ts';

export const PENDING = 'x402-upto-pending';

export const pendingSchema = z.object({
  hash: z.string(),
  from: z.string(),
  to: z.string(),
  value: z.string(),
  deadline: z.string(),
  /** Cost of the answer. */
  used: z.string().default('0'),
});
export type Pending = z.infer<typeof pendingSchema>;

/** True while a payment of this customer is on its way: it pays for its own answer when it arrives. */
export function isPaymentPending(store: Pick<RecordStore, 'list'>, customerId: string): boolean {
  return store.list(PENDING).some(({ value }) => {
    const pending = read(value);
    return pending !== null && payerCustomerId(pending.from) === customerId;
  });
}

/** Null for a damaged record, which must not keep the agent from starting. */
function read(value: string): Pending | null {
  try {
    return pendingSchema.parse(parseJson(value));
  } catch {
    return null;
  }
}

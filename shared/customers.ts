/** Visitors of the storefront, and its customers, who pay in advance: payers on the chain, and people with an API key. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

/** Beginning of the names of visitors, where a job has the ID of its peer. */
export const VISITOR_PREFIX = 'web-';

const PAYER = 'payer:';
const KEY = 'key:';

/** In the place of a channel's ID in jobs, receipts and the ledger. */
export function payerCustomerId(address: string): string {
  return PAYER + address.toLowerCase();
}

export function keyCustomerId(keyId: string): string {
  return KEY + keyId;
}

/** True for the ID of a customer, false for that of a payment channel. */
export function isCustomerId(id: string): boolean {
  return id.startsWith(PAYER) || id.startsWith(KEY);
}

/** In the place of a peer's ID, where the storefront sells. */
export function visitorPeer(name: string): string {
  return VISITOR_PREFIX + name;
}

/** True for a visitor of the storefront: another machine computes what it buys. */
export function isVisitor(peer: string): boolean {
  return peer.startsWith(VISITOR_PREFIX);
}

/** A customer with an API key, without the key. */
export const customerSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string().max(60),
  createdAtMs: z.number(),
  /** Base units that were paid in advance and are left. */
  balance: amountTextSchema,
  charged: amountTextSchema,
});
export type Customer = z.infer<typeof customerSchema>;

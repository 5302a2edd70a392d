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

/** Returns the address of a customer that paid on the chain; null for one with an API key. */
export function payerOf(customerId: string): string | null {
  return customerId.startsWith(PAYER) ? customerId.slice(PAYER.length) : null;
}

export function keyCustomerId(keyId: string): string {
  return KEY + keyId;
}

/** Returns the ID of a customer's API key; null for one that paid on the chain. */
export function keyOf(customerId: string): string | null {
  return customerId.startsWith(KEY) ? customerId.slice(KEY.length) : null;
}

/** Beginnings of the IDs of all customers of a kind. */
export const CUSTOMER_PREFIXES = { payer: PAYER, key: KEY } as const;

/** True for the ID of a customer, false for that of a payment channel. */
export function isCustomerId(id: string): boolean {
  return id.startsWith(PAYER) || id.startsWith(KEY);
}

/** Names a customer to the owner: by the owner's name for it with the key's ID, or by the address that paid. */
export function customerName({ customerId, name }: { customerId: string; name: string | null }): string {
  const id = keyOf(customerId) ?? payerOf(customerId) ?? customerId;
  return name === null || name === '' ? id : `${name} (${id})`;
}

/** In the place of a peer's ID, where the storefront sells. */
export function visitorPeer(name: string): string {
  return VISITOR_PREFIX + name;
}

/** True for a visitor of the storefront: another machine computes what it buys. */
export function isVisitor(peer: string): boolean {
  return peer.startsWith(VISITOR_PREFIX);
}

export const CUSTOMER_NAME_CHARACTERS_MAX = 60;

/** A customer with an API key, without the key. */
export const customerSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Empty for a key that was revoked before names were stored longer than keys. */
  name: z.string().max(CUSTOMER_NAME_CHARACTERS_MAX),
  createdAtMs: z.number(),
  /** The key works no more; a balance that is left can be paid out. */
  isRevoked: z.boolean(),
  /** Base units that were paid in advance and are left. */
  balance: amountTextSchema,
  charged: amountTextSchema,
});
export type Customer = z.infer<typeof customerSchema>;

const lastRequest = {
  /** Null if it isn't among the newest jobs, of which {@link LAST_REQUEST_JOBS} are looked at. */
  lastRequestAtMs: z.number().nullable(),
};
export const LAST_REQUEST_JOBS = 1_000;

export const listedCustomerSchema = customerSchema.extend(lastRequest);
export type ListedCustomer = z.infer<typeof listedCustomerSchema>;

/** A customer that paid on the chain and has a balance. */
export const listedPayerSchema = customerSchema
  .pick({ balance: true, charged: true })
  .extend({ address: z.string(), ...lastRequest });
export type ListedPayer = z.infer<typeof listedPayerSchema>;
/** Payers in a list: those with the largest balances. */
export const PAYERS_LISTED_MAX = 200;

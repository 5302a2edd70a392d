/** The terms of a relay that charges, and the state of a peer's allowance there. */
import { z } from 'zod';
import { addressSchema } from './identity.ts';
import { type Amount, amount, assetSchema } from './money.ts';

export { RELAY_ALLOWANCE_PATH, RELAY_TERMS_PATH } from './wire.ts';

/** Bytes that one payment buys: neither side ever risks more than about one of them. */
export const RELAY_STEP_BYTES = 1_000_000;
/** Bytes of one peer that a relay forwards beyond what is paid, so that nothing breaks off while a payment is on its way. */
export const RELAY_GRACE_BYTES = 1_000_000;
/** Characters of a response to {@link RELAY_TERMS_PATH} or {@link RELAY_ALLOWANCE_PATH}. */
export const RELAY_RESPONSE_CHARACTERS_MAX = 16_384;

/** Base units for {@link RELAY_STEP_BYTES}. */
export const relayPriceSchema = z.string().regex(/^\d{1,15}$/);

/** Served as a compact JWS at {@link RELAY_TERMS_PATH}, signed by the relay's peer key. */
export const relayTermsSchema = z.object({
  peer: z.string().min(1).max(200),
  /** Address that is paid. */
  payout: addressSchema,
  /** CAIP-2 network IDs. */
  networks: z.array(z.string().max(60)).min(1).max(8),
  asset: assetSchema,
  /** Of both directions together. */
  pricePerMegabyte: relayPriceSchema,
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
});
export type RelayTerms = z.infer<typeof relayTermsSchema>;

/** Of the peer that asks; both since its first connection there. */
export const relayAllowanceSchema = z.object({
  boughtBytes: z.number().int().nonnegative(),
  usedBytes: z.number().int().nonnegative(),
});
export type RelayAllowance = z.infer<typeof relayAllowanceSchema>;

/** Base units of one step. */
export function stepPrice({ pricePerMegabyte }: Pick<RelayTerms, 'pricePerMegabyte'>): Amount {
  return amount(pricePerMegabyte);
}

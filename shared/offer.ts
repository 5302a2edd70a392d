/** A provider's offer and its receipts: the payloads of two kinds of JWS (RFC 7515, EdDSA). */
import { z } from 'zod';
import { addressSchema, BINDING_CHARACTERS_MAX, FORMER_PEERS_MAX, formerPeerSchema } from './identity.ts';
import { amountTextSchema, assetSchema } from './money.ts';
import { offeredPriceSchema } from './price.ts';

export { OFFER_PATH, PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, RECEIPT_HEADER } from './wire.ts';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const offeredModelSchema = z.object({
  id: z.string().min(1).max(200),
  sha256: sha256Schema,
  quantisation: z.string().max(40),
  contextTokens: z.number().int().positive(),
  price: offeredPriceSchema,
  /** Price of lines of batches now. Absent: the same. */
  batchPrice: offeredPriceSchema.exactOptional(),
  /** Both speeds are measured by the provider's own benchmark; null when not measured. */
  prefillTokensPerSecond: z.number().nullable(),
  decodeTokensPerSecond: z.number().nullable(),
  /** Milliseconds that the last load took, for a model that isn't loaded now. Absent: it is loaded. */
  loadMs: z.number().int().nonnegative().exactOptional(),
  /** Abilities of the model beyond plain text: some of {@link import('./model-features.ts').MODEL_FEATURES} and later ones. */
  features: z.array(z.string().max(40)).max(32).exactOptional(),
});
export type OfferedModel = z.infer<typeof offeredModelSchema>;

/** Returns the model with the price that applies to a live request or to a line of a batch. */
export function pricedFor(model: OfferedModel, isBatch: boolean): OfferedModel {
  return isBatch && model.batchPrice !== undefined ? { ...model, price: model.batchPrice } : model;
}

/** Served as a compact JWS at {@link OFFER_PATH}, signed by the peer's Ed25519 key. */
export const offerSchema = z.object({
  peer: z.string().min(1).max(200),
  payout: addressSchema,
  /**
   * Verifiable credential (JWT) of the peer about its payout address, which signed it, too. Null: that address's key isn't
   * on the provider's machine.
   */
  binding: z.string().max(BINDING_CHARACTERS_MAX).nullable(),
  /** Peer IDs that the owner used before, oldest first. */
  formerPeers: z.array(formerPeerSchema).max(FORMER_PEERS_MAX).exactOptional(),
  /** CAIP-2 network IDs, e.g. `eip155:31337`. */
  networks: z.array(z.string().max(60)).min(1).max(8),
  asset: assetSchema,
  models: z.array(offeredModelSchema).max(64),
  slots: z.number().int().nonnegative(),
  /** Kinds of jobs that the owner doesn't sell: some of {@link import('./job-categories.ts').JOB_CATEGORIES} and later ones. */
  refuses: z.array(z.string().max(40)).max(16).exactOptional(),
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
});
export type Offer = z.infer<typeof offerSchema>;

/** The SSE event after the end of a streamed answer, and the header of one that is not streamed. */
export const receiptSchema = z.object({
  job: z.string().min(1).max(100),
  peer: z.string().min(1).max(200),
  modelSha256: sha256Schema,
  inputTokens: z.number().int().nonnegative(),
  /** Input tokens that had been computed for an earlier request of the same payer. Absent: none. */
  cachedTokens: z.number().int().nonnegative().exactOptional(),
  outputTokens: z.number().int().nonnegative(),
  price: offeredPriceSchema,
  assetId: z.string().max(120),
  channelId: z.string().max(80),
  charged: amountTextSchema,
  cumulative: amountTextSchema,
  /** sha256 over the {@link tokenBytes} of the output, in hex. */
  tokenHash: sha256Schema,
  finishReason: z.string().max(40),
  atMs: z.number(),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** Token IDs as little-endian uint32, the input of a receipt's `tokenHash`. */
export function tokenBytes(tokens: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(tokens.length * 4));
  for (const [index, token] of tokens.entries()) view.setUint32(index * 4, token, true);
  return new Uint8Array(view.buffer);
}

/** The ID of a token whose real one isn't known: engine servers report counts only. No vocabulary has this ID. */
export const UNKNOWN_TOKEN = 0xffff_ffff;

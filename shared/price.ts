/** The price formula, the same for the provider that charges and for the gateway that checks. */
import { z } from 'zod';
import { type Amount, amount } from './money.ts';
import { utf8Length } from './utf8.ts';

const unitsSchema = z.string().regex(/^\d{1,30}$/);

/** Base units per million tokens. */
export const priceSchema = z.object({
  inputPerMillion: unitsSchema,
  outputPerMillion: unitsSchema,
});
export type Price = z.infer<typeof priceSchema>;

/** Price in an offer, and in the receipts of its jobs. */
export const offeredPriceSchema = priceSchema.extend({
  /**
   * Price of prompt tokens that the provider had computed for an earlier request of the same payer. Absent: the input
   * price. A higher one than that has no effect.
   */
  cachedInputPerMillion: unitsSchema.exactOptional(),
});
export type OfferedPrice = z.infer<typeof offeredPriceSchema>;

export const FREE_PRICE: Price = { inputPerMillion: '0', outputPerMillion: '0' };

/** Reasons for the height of a price. `lowest`, `highest`: a bound of the owner's; `power`: the cost of electricity. */
export const PRICE_REASONS = ['own', 'market', 'lowest', 'highest', 'power'] as const;
export type PriceReason = (typeof PRICE_REASONS)[number];

/** Metered tokens of one request. */
export interface Metered {
  /** All tokens of the prompt. */
  readonly input: number;
  /** Those of them that had been computed for an earlier request. Default: none. */
  readonly cached?: number;
  readonly output: number;
}

/**
 * Charge for metered tokens, in base units, rounded up once over the sum. Cached tokens never cost more than others, so
 * that a count of them that nobody can verify can only lower the charge.
 */
export function charge(price: OfferedPrice, metered: Metered): Amount {
  const { input, output } = chargeParts(price, metered);
  return amount((input + output + 999_999n) / 1_000_000n);
}

/** The charge for each direction, not rounded, in millionths of a base unit. */
export function chargeParts(
  price: OfferedPrice,
  { input, cached = 0, output }: Metered,
): { readonly input: bigint; readonly output: bigint } {
  const full = BigInt(price.inputPerMillion);
  const reduced = BigInt(price.cachedInputPerMillion ?? price.inputPerMillion);
  return {
    input: full * BigInt(input - cached) + (reduced < full ? reduced : full) * BigInt(cached),
    output: BigInt(price.outputPerMillion) * BigInt(output),
  };
}

/** Maximum tokens that a chat template adds to each message (role, separators, generation prompt). */
export const TEMPLATE_TOKENS_PER_MESSAGE_MAX = 64;

/**
 * Upper bound of a prompt's tokens that needs no tokenizer: byte-level BPE and SentencePiece with byte fallback never
 * make more tokens than bytes.
 */
export function inputTokensMax(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += utf8Length(text);
  return bytes + TEMPLATE_TOKENS_PER_MESSAGE_MAX * (texts.length + 1);
}

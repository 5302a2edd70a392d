/** The price formula, the same for the provider that charges and for the gateway that checks. */
import { z } from 'zod';
import { type Amount, amount } from './money.ts';
import { utf8Length } from './utf8.ts';

/** Base units per million tokens. */
export const priceSchema = z.object({
  inputPerMillion: z.string().regex(/^\d{1,30}$/),
  outputPerMillion: z.string().regex(/^\d{1,30}$/),
});
export type Price = z.infer<typeof priceSchema>;

/** Charge for metered tokens, in base units, rounded up once over the sum. */
export function charge(price: Price, tokens: { input: number; output: number }): Amount {
  const scaled =
    BigInt(price.inputPerMillion) * BigInt(tokens.input) +
    BigInt(price.outputPerMillion) * BigInt(tokens.output);
  return amount((scaled + 999_999n) / 1_000_000n);
}

/** Maximum tokens that a chat template adds to each message (role, separators, generation prompt). */
const TEMPLATE_TOKENS_PER_MESSAGE_MAX = 64;

/**
 * Upper bound of a prompt's tokens that needs no tokenizer: byte-level BPE and SentencePiece with byte fallback never
 * make more tokens than bytes.
 */
export function inputTokensMax(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += utf8Length(text);
  return bytes + TEMPLATE_TOKENS_PER_MESSAGE_MAX * (texts.length + 1);
}

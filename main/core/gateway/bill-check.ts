/**
 * Checks the token counts of a bill against the response itself: a valid signature proves who billed, not that the
 * counts are right. Without the model file only the bytes bound them; with it they are recounted.
 */
import type { Receipt } from '../../../shared/offer.ts';
import type { AskedCompletion } from '../../../shared/openai.ts';
import type { Recount, Tokenizer } from '../../ports/tokenizer.ts';

/** The request and what arrived for it. */
export interface Delivered {
  readonly asked: Pick<AskedCompletion, 'prompt' | 'stop'>;
  readonly sha256: string;
  /** Null if the provider sends no token IDs. */
  readonly tokens: readonly number[] | null;
  /** Null if it was too long to keep. */
  readonly text: string | null;
  /** UTF-8 bytes of the text. */
  readonly textBytes: number;
}

/** Tokens of a response that may have no text of their own: control tokens, and ones inside of a stop string. */
const SILENT_TOKENS_MAX = 16;
/** Another version of the same tokenizer or template may count a little more. */
const INPUT_FACTOR_PERCENT = 102;
const INPUT_SLACK_TOKENS = 8;
/**
 * A response isn't always made of the tokens that the tokenizer makes of its text, least of all at high temperatures;
 * this much more is not a coincidence.
 */
const OUTPUT_FACTOR_PERCENT = 150;

/** Most output tokens that a text of this many bytes can honestly have: each token has at least one byte. */
export function outputTokensMaxOf(textBytes: number): number {
  return textBytes + SILENT_TOKENS_MAX;
}

/** Returns the failed check, or null. */
export async function billFlaw(
  receipt: Pick<Receipt, 'inputTokens' | 'outputTokens'>,
  delivered: Delivered,
  tokenizer: Tokenizer,
): Promise<string | null> {
  if (receipt.outputTokens > outputTokensMaxOf(delivered.textBytes)) return 'output-bytes';
  const { asked, sha256, tokens, text } = delivered;
  if (text === null) return null;
  const counted = await tokenizer.recount({ ...asked, sha256, tokens: tokens ?? [], text });
  return counted === null ? null : recountFlaw(receipt, { ...delivered, text }, counted);
}

function recountFlaw(
  receipt: Pick<Receipt, 'inputTokens' | 'outputTokens'>,
  { asked, tokens, text }: Delivered & { readonly text: string },
  counted: Recount,
): string | null {
  const inputMax = Math.floor((counted.inputTokens * INPUT_FACTOR_PERCENT) / 100) + INPUT_SLACK_TOKENS;
  if (receipt.inputTokens > inputMax) return 'input-recount';
  if (tokens !== null && !makesText(counted.outputText, text, asked.stop)) return 'token-text';
  const outputMax = Math.floor((counted.textTokens * OUTPUT_FACTOR_PERCENT) / 100) + SILENT_TOKENS_MAX;
  return receipt.outputTokens > outputMax ? 'output-recount' : null;
}

/** True if the tokens make the text, which a stop string may cut off within its last token. */
function makesText(made: string | null, text: string, stop: readonly string[]): boolean {
  if (made === null) return false;
  return stop.length === 0 ? made === text : made.startsWith(text);
}

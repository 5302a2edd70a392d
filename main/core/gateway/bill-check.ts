/**
 * Checks the token counts of a bill against the response itself: a valid signature proves who billed, not that the
 * counts are right. Without the model file only the bytes bound them; with it they are recounted.
 */
import type { AskedCompletion } from '../../../shared/asked.ts';
import type { Receipt } from '../../../shared/offer.ts';
import type { Recount, Tokenizer } from '../../ports/tokenizer.ts';
import type { DeliveredAnswer } from './response-reader.ts';

/** The request and what arrived for it. */
export interface Delivered {
  readonly asked: Pick<AskedCompletion, 'prompt' | 'stop' | 'choices'>;
  readonly sha256: string;
  /** Null if the provider sends no token IDs. */
  readonly tokens: readonly number[] | null;
  /** Null if they were too long to keep. */
  readonly answers: readonly DeliveredAnswer[] | null;
  /** UTF-8 bytes of all texts. */
  readonly textBytes: number;
  /** Calls of tools in all answers. */
  readonly calls: number;
}

/** Tokens of a response that may have no text of their own: control tokens, and ones inside of a stop string. */
const SILENT_TOKENS_MAX = 16;
/** Tokens with which a model's format surrounds one call. */
const SILENT_TOKENS_PER_CALL_MAX = 48;
/** Another version of the same tokenizer or template may count a little more. */
const INPUT_FACTOR_PERCENT = 102;
const INPUT_SLACK_TOKENS = 8;
/**
 * A response isn't always made of the tokens that the tokenizer makes of its text, least of all at high temperatures;
 * this much more is not a coincidence.
 */
const OUTPUT_FACTOR_PERCENT = 150;

type Silence = Pick<Delivered, 'calls'> & { readonly asked?: Pick<AskedCompletion, 'choices'> };

function silentTokensMax({ calls, asked }: Silence): number {
  return SILENT_TOKENS_MAX * (asked?.choices ?? 1) + SILENT_TOKENS_PER_CALL_MAX * calls;
}

/** Most output tokens that texts of so many bytes can honestly have: each token has at least one byte. */
export function outputTokensMaxOf(delivered: Silence & Pick<Delivered, 'textBytes'>): number {
  return delivered.textBytes + silentTokensMax(delivered);
}

/** Returns the failed check, or null. */
export async function billFlaw(
  receipt: Pick<Receipt, 'inputTokens' | 'outputTokens'>,
  delivered: Delivered,
  tokenizer: Tokenizer,
): Promise<string | null> {
  if (receipt.outputTokens > outputTokensMaxOf(delivered)) return 'output-bytes';
  const { asked, sha256, tokens, answers } = delivered;
  if (answers === null) return null;
  const counts: Recount[] = [];
  // Without any text there is still the prompt to count.
  for (const answer of answers.length === 0 ? [{ tokens: [], text: '' }] : answers) {
    const given = { ...answer, tokens: tokens === null ? [] : answer.tokens };
    const counted = await tokenizer.recount({ prompt: asked.prompt, stop: asked.stop, sha256, ...given });
    if (counted === null) return null;
    if (tokens !== null && !makesText(counted.outputText, answer.text, asked.stop)) return 'token-text';
    counts.push(counted);
  }
  return recountFlaw(receipt, delivered, counts);
}

function recountFlaw(
  receipt: Pick<Receipt, 'inputTokens' | 'outputTokens'>,
  delivered: Delivered,
  counts: readonly Recount[],
): string | null {
  const prompts = (counts[0]?.inputTokens ?? 0) * delivered.asked.choices;
  const inputMax = Math.floor((prompts * INPUT_FACTOR_PERCENT) / 100) + INPUT_SLACK_TOKENS;
  if (receipt.inputTokens > inputMax) return 'input-recount';
  const textTokens = counts.reduce((sum, counted) => sum + counted.textTokens, 0);
  const outputMax = Math.floor((textTokens * OUTPUT_FACTOR_PERCENT) / 100) + silentTokensMax(delivered);
  return receipt.outputTokens > outputMax ? 'output-recount' : null;
}

/** True if the tokens make the text, which a stop string may cut off within its last token. */
function makesText(made: string | null, text: string, stop: readonly string[]): boolean {
  if (made === null) return false;
  return stop.length === 0 ? made === text : made.startsWith(text);
}

/** A bought answer as its receipt proves it, and whether it can be checked. */
import type { OpinionSource } from '../../../shared/answer-check.ts';
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';

/** A bought answer whose receipt was accepted. */
export interface ProvenAnswer {
  readonly jobId: string;
  readonly peer: string;
  /** The provider's ID of the job. */
  readonly soldJobId: string;
  /** The model file. */
  readonly sha256: string;
  readonly asked: AskedCompletion;
  /** Tokens of the prompt, by the receipt. */
  readonly inputTokens: number;
  /** The tokens that the receipt covers. */
  readonly tokens: readonly number[];
  /** As the receipt has it; null if it doesn't. */
  readonly sampling: AppliedSampling | null;
  /** Base units. */
  readonly charged: bigint;
  /**
   * Providers that may also see the request, if the owner permits it: none if it has a price limit or a budget of its own,
   * no new ones if it is a line of a batch.
   */
  readonly opinionsFrom: OpinionSource;
}

/** An answer whose tokens follow from its request, model file and sampling. */
export interface RepeatableAnswer extends ProvenAnswer {
  readonly sampling: AppliedSampling;
}

/** Several answers to one prompt have one receipt, which doesn't separate their tokens. */
export function isRepeatable(answer: ProvenAnswer): answer is RepeatableAnswer {
  const { asked, tokens, sampling } = answer;
  if (sampling === null || sampling.method === 'other') return false;
  return tokens.length > 0 && asked.choices === 1;
}

/**
 * True if two answers come from the same prompt and grammar. Other versions of the chat template, the tokenizer or the grammars
 * read a request otherwise: that is no proof of anything.
 */
export function hasSameInput(
  one: AppliedSampling | null | undefined,
  other: AppliedSampling | null | undefined,
): boolean {
  return one?.promptHash === other?.promptHash && one?.grammarHash === other?.grammarHash;
}

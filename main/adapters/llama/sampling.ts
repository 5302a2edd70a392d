/**
 * Choice of the next token of a response: by the library's sampler, or, if probabilities are requested, our own choice
 * among the most likely tokens, because the library reports only what its sampler has left over.
 */
import { type LlamaModel, type SequenceEvaluateOptions, type Token, TokenBias } from 'node-llama-cpp';
import type { TokenLogprob, TokenProbability } from '../../../shared/answer-pieces.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GenerateRequest } from '../../ports/engine.ts';

/** Tokens of the response that penalties look back at. */
const PENALIZED_TOKENS_MAX = 1_024;
/** Most likely tokens that are sampled from and normalized over when probabilities are reported. */
export const LOGPROB_CANDIDATES = 1_024;
/** The library's own default, which keeps very unlikely tokens out. */
const TOP_K_DEFAULT = 40;

type SamplingRequest = Pick<GenerateRequest, 'temperature' | 'topP' | 'sampling' | 'topLogprobs'>;

/** Returns the sampler's options. `generated` is the list that the tokens of the response are added to. */
export function samplerOptions(
  model: LlamaModel,
  request: SamplingRequest,
  seed: number,
  generated: readonly Token[],
): SequenceEvaluateOptions {
  const { temperature, topP, sampling = {}, topLogprobs = null } = request;
  if (topLogprobs !== null) return { temperature: 1, topP: 1, minP: 0, topK: LOGPROB_CANDIDATES, seed };
  const { topK = TOP_K_DEFAULT, minP = 0, logitBias } = sampling;
  const { frequencyPenalty = 0, presencePenalty = 0, repeatPenalty = 1 } = sampling;
  const isPenalized = frequencyPenalty !== 0 || presencePenalty !== 0 || repeatPenalty !== 1;
  return {
    ...{ temperature, topP, topK, minP, seed },
    ...(isPenalized && {
      repeatPenalty: {
        punishTokens: () => generated.slice(-PENALIZED_TOKENS_MAX),
        maxPunishTokens: PENALIZED_TOKENS_MAX,
        penalty: repeatPenalty,
        frequencyPenalty,
        presencePenalty,
      },
    }),
    ...(logitBias && { tokenBias: biasOf(model, logitBias) }),
  };
}

/** Fails with `bad-request` for a token that the vocabulary doesn't have. */
function biasOf(model: LlamaModel, biases: readonly (readonly [number, number])[]): TokenBias {
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const bias = new TokenBias(model.tokenizer);
  for (const [token, logit] of biases) {
    if (token >= vocabulary) {
      throw new AppError('bad-request', `Invalid "logit_bias": the model has no token ${token}.`, {
        details: { param: 'logit_bias', code: 'invalid_value' },
      });
    }
    bias.set(token as Token, { logit });
  }
  return bias;
}

/** One choice among the most likely tokens, with the probabilities that the model gave them. */
export interface Chosen {
  readonly token: Token;
  readonly logprob: TokenLogprob;
}

export type Choose = (probabilities: ReadonlyMap<Token, number>) => Chosen;

/** Returns the function that chooses like the library's sampler and reports the model's own probabilities. */
export function createChoice(
  model: LlamaModel,
  request: SamplingRequest,
  seed: number,
  generated: readonly Token[],
): Choose {
  const { topLogprobs = 0, sampling = {}, temperature, topP } = request;
  const { topK = TOP_K_DEFAULT, minP = 0 } = sampling;
  const biases = new Map(sampling.logitBias ?? []);
  const random = createRandom(seed);
  const described = (token: Token, probability: number) => describeToken(model, token, probability);

  return (probabilities) => {
    const given = [...probabilities].sort(([, a], [, b]) => b - a);
    const logits = penalized(given, sampling, generated).map(
      ([token, logit]) => [token, logit + (biases.get(token) ?? 0)] as const,
    );
    const sorted = [...logits].sort(([, a], [, b]) => b - a);
    const token =
      temperature === 0 ? sorted[0]?.[0] : draw(sorted, { temperature, topP, topK, minP }, random());
    if (token === undefined) throw new Error('the sampler returned no probabilities');
    const own = described(token, probabilities.get(token) ?? 0);
    const top = given.slice(0, topLogprobs ?? 0).map(([each, probability]) => described(each, probability));
    return { token, logprob: { ...own, top } };
  };
}

/** Applies the penalties to logarithms of probabilities, by llama.cpp's formula. */
function penalized(
  given: readonly (readonly [Token, number])[],
  sampling: NonNullable<GenerateRequest['sampling']>,
  generated: readonly Token[],
): (readonly [Token, number])[] {
  const { frequencyPenalty = 0, presencePenalty = 0, repeatPenalty = 1 } = sampling;
  const counts = new Map<Token, number>();
  for (const token of generated.slice(-PENALIZED_TOKENS_MAX)) counts.set(token, (counts.get(token) ?? 0) + 1);
  return given.map(([token, probability]) => {
    const count = counts.get(token) ?? 0;
    const logit = Math.log(Math.max(probability, Number.MIN_VALUE));
    if (count === 0) return [token, logit];
    return [token, logit * repeatPenalty - count * frequencyPenalty - presencePenalty];
  });
}

interface Drawing {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
}

/** Draws from logits in falling order; `random` is from 0 to 1. */
export function draw(
  sorted: readonly (readonly [Token, number])[],
  { temperature, topP, topK, minP }: Drawing,
  random: number,
): Token | undefined {
  const kept = topK > 0 ? sorted.slice(0, topK) : sorted;
  const best = kept[0]?.[1] ?? 0;
  const plain = normalized(kept.map(([, logit]) => Math.exp(logit - best)));
  const most = plain[0] ?? 0;
  let sum = 0;
  const nucleus = kept.filter((_, index) => {
    const isIn = sum < topP || index === 0;
    sum += plain[index] ?? 0;
    return isIn && (plain[index] ?? 0) >= minP * most;
  });
  const weights = normalized(nucleus.map(([, logit]) => Math.exp((logit - best) / temperature)));
  let left = random;
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return nucleus[index]?.[0];
  }
  return nucleus.at(-1)?.[0];
}

function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Below this every logarithm is written as the same number, since JSON has no infinity. */
const LOGPROB_MIN = -9_999;

function describeToken(model: LlamaModel, token: Token, probability: number): TokenProbability {
  const text = model.detokenize([token], true, [token]);
  const logprob = probability > 0 ? Math.max(LOGPROB_MIN, Math.log(probability)) : LOGPROB_MIN;
  return { token: text, bytes: [...new TextEncoder().encode(text)], logprob };
}

/** A random number generator from a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

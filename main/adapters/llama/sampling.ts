/**
 * Choice of the next token of a response. Usually it is our own, by noise that can be repeated (gumbel-noise.ts), among
 * what the library's sampler leaves over; the library's where a choice can't be repeated anyway.
 */
import { type LlamaModel, type SequenceEvaluateOptions, type Token, TokenBias } from 'node-llama-cpp';
import type { TokenLogprob, TokenProbability } from '../../../shared/answer-pieces.ts';
import {
  type AppliedSampling,
  type SamplingMethod,
  TOP_K_DEFAULT,
} from '../../../shared/applied-sampling.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GenerateRequest } from '../../ports/engine.ts';
import { candidatesOf, drawToken } from './gumbel-noise.ts';

/** Tokens of the response that penalties look back at. */
const PENALIZED_TOKENS_MAX = 1_024;
/**
 * Most likely tokens that are sampled from and normalized over when probabilities are reported, and the most that our own
 * choice is made among: with more, reading them takes longer than sampling.
 */
export const CANDIDATES_MAX = 1_024;

type SamplingRequest = Pick<GenerateRequest, 'temperature' | 'topP' | 'sampling' | 'topLogprobs'>;

/** Method and settings with which a response is sampled. */
export type SamplingPlan = Omit<AppliedSampling, 'promptHash'>;

/** `isBound` is true if a grammar limits the tokens. Without a seed a random one is chosen. */
export function planSampling(
  request: SamplingRequest & Pick<GenerateRequest, 'seed'>,
  isBound: boolean,
): SamplingPlan {
  const { temperature, topP, sampling = {} } = request;
  const { topK = TOP_K_DEFAULT, minP = 0 } = sampling;
  const seed = request.seed ?? Math.floor(Math.random() * 2 ** 32);
  return { method: methodOf(request, isBound), seed, temperature, topP, topK, minP };
}

/** The library applies a grammar to the token that its own sampler chooses, so that ours can't replace it. */
function methodOf(request: SamplingRequest, isBound: boolean): SamplingMethod {
  const { temperature, sampling = {}, topLogprobs = null } = request;
  const { topK = TOP_K_DEFAULT, repeatPenalty = 1, logitBias } = sampling;
  if (isBound) return 'other';
  // With reported probabilities these two are applied after the candidates were chosen, and differently.
  if (topLogprobs !== null && (repeatPenalty !== 1 || logitBias !== undefined)) return 'other';
  if (temperature === 0) return 'greedy';
  return isWide(topK) && topLogprobs === null ? 'other' : 'gumbel-max';
}

/** True if the request leaves more candidates than our own choice is made among; 0 leaves all. */
function isWide(topK: number): boolean {
  return topK === 0 || topK > CANDIDATES_MAX;
}

/**
 * Returns the sampler's options. `generated` returns the tokens of the response so far. For our own choice the sampler
 * leaves the candidates of the request at their plain probabilities, before the temperature.
 */
export function samplerOptions(
  model: LlamaModel,
  request: SamplingRequest,
  { method, seed, topK, minP }: SamplingPlan,
  generated: () => readonly Token[],
): SequenceEvaluateOptions {
  const { temperature, topP, sampling = {}, topLogprobs = null } = request;
  if (topLogprobs !== null) return { temperature: 1, topP: 1, minP: 0, topK: CANDIDATES_MAX, seed };
  return {
    ...{ topP, topK, minP, seed },
    temperature: method === 'gumbel-max' ? 1 : temperature,
    ...adjustments(model, sampling, generated),
  };
}

/** Returns the options with which the library reports the candidates that a choice was made among. */
export function replayOptions(
  model: LlamaModel,
  { topP, sampling = {} }: SamplingRequest,
  { topK, minP }: SamplingPlan,
  generated: () => readonly Token[],
): SequenceEvaluateOptions {
  return {
    ...{ temperature: 1, topP, minP, topK: isWide(topK) ? CANDIDATES_MAX : topK },
    ...adjustments(model, sampling, generated),
  };
}

/** Penalties and biases, which change the logits before the candidates are chosen. */
function adjustments(
  model: LlamaModel,
  sampling: NonNullable<GenerateRequest['sampling']>,
  generated: () => readonly Token[],
): Pick<SequenceEvaluateOptions, 'repeatPenalty' | 'tokenBias'> {
  const { frequencyPenalty = 0, presencePenalty = 0, repeatPenalty = 1, logitBias } = sampling;
  const isPenalized = frequencyPenalty !== 0 || presencePenalty !== 0 || repeatPenalty !== 1;
  return {
    ...(isPenalized && {
      repeatPenalty: {
        punishTokens: () => generated().slice(-PENALIZED_TOKENS_MAX),
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

/** Our own choice. */
export interface Chosen {
  readonly token: Token;
  /** The probabilities that the model gave the tokens, if requested. */
  readonly logprob: TokenLogprob | null;
}

/** Chooses among the tokens that the library's sampler has left over. `generated` are the tokens of the response so far. */
export type Choose = (probabilities: ReadonlyMap<Token, number>, generated: readonly Token[]) => Chosen;

/** Returns our own choice; null if the library's is used. */
export function createChoice(model: LlamaModel, request: SamplingRequest, plan: SamplingPlan): Choose | null {
  if ((request.topLogprobs ?? null) !== null) return createReportingChoice(model, request, plan);
  if (plan.method !== 'gumbel-max') return null;
  return (probabilities, generated) => {
    const token = drawToken(candidatesOf(probabilities), plan, generated.length);
    return { token: found(token), logprob: null };
  };
}

/** Reports the model's own probabilities, which the library does only for what its sampler has left over. */
function createReportingChoice(model: LlamaModel, request: SamplingRequest, plan: SamplingPlan): Choose {
  const { topLogprobs = 0, sampling = {} } = request;
  const biases = new Map(sampling.logitBias ?? []);
  const described = (token: Token, probability: number) => describeToken(model, token, probability);

  return (probabilities, generated) => {
    const given = [...probabilities].sort(([, a], [, b]) => b - a);
    const logits = penalized(given, sampling, generated).map(
      ([token, logit]) => [token, logit + (biases.get(token) ?? 0)] as const,
    );
    const sorted = [...logits].sort(([, a], [, b]) => b - a);
    const candidates = plan.temperature === 0 ? sorted : mask(sorted, plan);
    const token = found(drawToken(candidates, plan, generated.length));
    const own = described(token, probabilities.get(token) ?? 0);
    const top = given.slice(0, topLogprobs ?? 0).map(([each, probability]) => described(each, probability));
    return { token, logprob: { ...own, top } };
  };
}

function found(token: number | null): Token {
  if (token === null) throw new Error('the sampler returned no probabilities');
  return token as Token;
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

/** Returns the candidates that the library's sampler would leave over of logits in falling order. */
function mask(
  sorted: readonly (readonly [Token, number])[],
  { topK, topP, minP }: SamplingPlan,
): readonly (readonly [Token, number])[] {
  const kept = topK > 0 ? sorted.slice(0, topK) : sorted;
  const best = kept[0]?.[1] ?? 0;
  const plain = normalized(kept.map(([, logit]) => Math.exp(logit - best)));
  const most = plain[0] ?? 0;
  let sum = 0;
  return kept.filter((_, index) => {
    const isIn = sum < topP || index === 0;
    sum += plain[index] ?? 0;
    return isIn && (plain[index] ?? 0) >= minP * most;
  });
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

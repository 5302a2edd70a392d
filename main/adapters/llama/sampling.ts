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
import { drawAllowed, sortCandidates } from './candidate-choice.ts';
import type { GrammarState } from './grammar-state.ts';
import { type Candidates, candidatesOf, drawToken } from './gumbel-noise.ts';

/** Tokens of the response that penalties look back at. */
const PENALIZED_TOKENS_MAX = 1_024;
/**
 * Most likely tokens that are sampled from and normalized over when probabilities are reported, and the most that our own
 * choice is made among: with more, reading them takes longer than sampling.
 */
export const CANDIDATES_MAX = 1_024;
const EVERY_CANDIDATE = { temperature: 1, topP: 1, minP: 0, topK: CANDIDATES_MAX };

type SamplingRequest = Pick<GenerateRequest, 'temperature' | 'topP' | 'sampling' | 'topLogprobs'>;

/** Method and settings with which a response is sampled. */
export type SamplingPlan = Omit<AppliedSampling, 'promptHash'>;

/** Without a seed a random one is chosen. */
export function planSampling(request: SamplingRequest & Pick<GenerateRequest, 'seed'>): SamplingPlan {
  const { temperature, topP, sampling = {} } = request;
  const { topK = TOP_K_DEFAULT, minP = 0 } = sampling;
  const seed = request.seed ?? Math.floor(Math.random() * 2 ** 32);
  return { method: methodOf(request), seed, temperature, topP, topK, minP };
}

function methodOf(request: SamplingRequest): SamplingMethod {
  const { temperature, sampling = {}, topLogprobs = null } = request;
  const { topK = TOP_K_DEFAULT, repeatPenalty = 1, logitBias } = sampling;
  // With reported probabilities these two are applied after the candidates were chosen, and differently.
  if (topLogprobs !== null && (repeatPenalty !== 1 || logitBias !== undefined)) return 'other';
  if (temperature === 0) return 'greedy';
  return isWide(topK) && topLogprobs === null ? 'other' : 'gumbel-max';
}

/** True if the request leaves more candidates than our own choice is made among; 0 leaves all. */
function isWide(topK: number): boolean {
  return topK === 0 || topK > CANDIDATES_MAX;
}

/** State of the response that the sampler's options depend on. */
interface Surroundings {
  /** Returns the tokens of the response so far. */
  readonly generated: () => readonly Token[];
  /** True if a grammar binds the response. */
  readonly isBound: boolean;
}

/**
 * Returns the sampler's options. For our own choice the sampler leaves the candidates of the request at their plain
 * probabilities, before the temperature; more of them where a grammar excludes some.
 */
export function samplerOptions(
  model: LlamaModel,
  request: SamplingRequest,
  { method, seed, topK, minP }: SamplingPlan,
  { generated, isBound }: Surroundings,
): SequenceEvaluateOptions {
  const { temperature, topP, sampling = {}, topLogprobs = null } = request;
  if (topLogprobs !== null) return { ...EVERY_CANDIDATE, seed };
  if (isBound && method === 'gumbel-max')
    return { ...EVERY_CANDIDATE, seed, ...adjustments(model, sampling, generated) };
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
  { generated, isBound }: Surroundings,
): SequenceEvaluateOptions {
  const masks = isBound
    ? EVERY_CANDIDATE
    : { temperature: 1, topP, minP, topK: isWide(topK) ? CANDIDATES_MAX : topK };
  return { ...masks, ...adjustments(model, sampling, generated) };
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

/** Candidates for the next token, and the tokens of the response so far. */
export interface Position {
  /** The most likely tokens, as the library's sampler left them over. */
  readonly probabilities: ReadonlyMap<Token, number>;
  readonly generated: readonly Token[];
  /** The tokens that the grammar allows, where none of the most likely ones is; default: those. */
  readonly allowed?: ReadonlyMap<Token, number>;
}

/** Chooses a token; null if the response's grammar allows none of the given ones. */
export type Choose = (position: Position) => Chosen | null;

/** Returns our own choice; null if the library's is used. Only ours follows the given grammar. */
export function createChoice(
  model: LlamaModel,
  request: SamplingRequest,
  plan: SamplingPlan,
  grammar: GrammarState | null,
): Choose | null {
  const allows = (token: number) => grammar === null || grammar.allows(token as Token);
  const draw: Draw = (candidates, position) => {
    if (candidates.length === 0) throw new Error(NOTHING_SAMPLED);
    return drawAllowed({ sorted: sortCandidates(candidates), allows }, plan, position) as Token | null;
  };
  if ((request.topLogprobs ?? null) !== null) return createReportingChoice(model, request, draw);
  if (plan.method !== 'gumbel-max') return null;
  return ({ probabilities, generated, allowed = probabilities }) => {
    const candidates = candidatesOf(allowed);
    const token =
      grammar === null
        ? found(drawToken(candidates, plan, generated.length))
        : draw(candidates, generated.length);
    return token === null ? null : { token, logprob: null };
  };
}

const NOTHING_SAMPLED = 'the sampler returned no probabilities';

/** Draws one of the candidates of the whole vocabulary; null if the grammar allows none of them. */
type Draw = (candidates: Candidates, position: number) => Token | null;

/** Reports the model's own probabilities, which the library does only for what its sampler has left over. */
function createReportingChoice(model: LlamaModel, request: SamplingRequest, draw: Draw): Choose {
  const { topLogprobs = 0, sampling = {} } = request;
  const biases = new Map(sampling.logitBias ?? []);
  const described = (token: Token, probability: number) => describeToken(model, token, probability);

  return ({ probabilities, generated, allowed = probabilities }) => {
    const logits = penalized([...allowed], sampling, generated).map(
      ([token, logit]) => [token, logit + (biases.get(token) ?? 0)] as const,
    );
    const token = draw(logits, generated.length);
    if (token === null) return null;
    const own = described(token, probabilities.get(token) ?? 0);
    const given = [...probabilities].sort(([, a], [, b]) => b - a);
    const top = given.slice(0, topLogprobs ?? 0).map(([each, probability]) => described(each, probability));
    return { token, logprob: { ...own, top } };
  };
}

function found(token: number | null): Token {
  if (token === null) throw new Error(NOTHING_SAMPLED);
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

/** Below this every logarithm is written as the same number, since JSON has no infinity. */
const LOGPROB_MIN = -9_999;

function describeToken(model: LlamaModel, token: Token, probability: number): TokenProbability {
  const text = model.detokenize([token], true, [token]);
  const logprob = probability > 0 ? Math.max(LOGPROB_MIN, Math.log(probability)) : LOGPROB_MIN;
  return { token: text, bytes: [...new TextEncoder().encode(text)], logprob };
}

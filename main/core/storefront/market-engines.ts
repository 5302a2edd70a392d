/**
 * The market in the place of an engine: the provider service sells answers that are bought while they are sold, at
 * prices below the sale's. What a provider charges for an answer whose buyer has left is charged to that buyer.
 */
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import { type AskedCompletion, askedCostMax, askedTokensMax } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { UNKNOWN_TOKEN } from '../../../shared/offer.ts';
import type { Usage } from '../../../shared/openai-chunks.ts';
import type { Price } from '../../../shared/price.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { ModelEngines } from '../../ports/model-engines.ts';
import type { AnswerBuyer, BoughtAnswer } from '../gateway/index.ts';
import { onAbort } from '../openai-http/index.ts';
import { type MarketModel, withoutMargin } from './prices.ts';

export interface MarketEnginesParts {
  readonly answers: AnswerBuyer;
  /** Null for a model that nobody offers now. */
  readonly find: (modelId: string) => MarketModel | null;
  readonly marginPercent: () => number;
  /** Answers of one model at a time. */
  readonly slots: number;
}

/**
 * An answer may cost this multiple of its maximum price. Each purchase reserves the maximum for its prompt, which counts
 * bytes as tokens; of a part that ends early, less than that is charged, and the next part has to be reserved, too.
 */
const RESERVED_FACTOR = 2n;

/** Failures that mean the same for the storefront's buyer as for the storefront. */
const PASSED_ON = [
  'bad-request',
  'context-exceeded',
  'model-unavailable',
  'busy',
  'paused',
  'no-provider',
  'peer-unreachable',
  'engine-failed',
  'aborted',
  'disk-full',
  'disk-unwritable',
  'database-lost',
] as const;

export function createMarketEngines(parts: MarketEnginesParts): ModelEngines {
  const { find, slots, marginPercent } = parts;
  return {
    availability: (modelId) => (find(modelId) === null ? { kind: 'unknown' } : { kind: 'available', slots }),
    anyAvailability: () => ({ kind: 'available', slots }),
    hold(modelId, price) {
      const model = find(modelId);
      if (model === null || price === undefined) throw notForSale();
      const margin = marginPercent();
      const sale = { model, price, marginPercent: margin, priceMax: withoutMargin(price, margin) };
      return {
        generate: (request, signal) => buy(parts.answers, sale, request, signal),
        release: () => undefined,
      };
    },
  };
}

interface Sale {
  readonly model: MarketModel;
  /** The price that the buyer pays. */
  readonly price: Price;
  readonly marginPercent: number;
  readonly priceMax: Price;
}

async function* buy(
  answers: AnswerBuyer,
  { model, price, marginPercent, priceMax }: Sale,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent, void> {
  const asked = askedOf(model.id, request);
  const costMax = askedCostMax(price, asked, request.maxTokens) * RESERVED_FACTOR;
  // A buyer that leaves before the answer begins has it begun: only its receipt tells what its provider charges.
  const unwanted = new AbortController();
  const wanted = { asked, sha256: model.sha256, priceMax, costMax, requester: unwanted.signal };
  const answer = await answers.begin(wanted).catch((error: unknown) => {
    throw asSellers(error);
  });
  const ignoreSignal = onAbort(signal, () => unwanted.abort());
  const counted = { tokens: 0 };
  try {
    const sale = { answer, counted, price, marginPercent, tokensMax: askedTokensMax(asked) };
    if (signal.aborted) yield* unwantedEnd(sale);
    else yield* passOn(sale, signal);
  } finally {
    ignoreSignal();
    // Without effect where the answer was concluded.
    void answer.conclude(left());
  }
}

/** An answer that has begun. */
interface BegunSale {
  readonly answer: BoughtAnswer;
  /** Tokens that were passed on. */
  readonly counted: { tokens: number };
  readonly price: Price;
  readonly marginPercent: number;
  /** Most tokens of the prompt. */
  readonly tokensMax: number;
}

async function* passOn(sale: BegunSale, signal: AbortSignal): AsyncGenerator<GenerateEvent, void> {
  const { answer, counted } = sale;
  for (;;) {
    let batch: Awaited<ReturnType<BoughtAnswer['next']>>;
    try {
      batch = await answer.next();
    } catch (error) {
      if (signal.aborted) {
        yield* unwantedEnd(sale);
        return;
      }
      const job = await answer.conclude(isAppError(error) ? error : undefined);
      // The beginning that the buyer has is charged.
      if (job.inputTokens !== null) yield { type: 'start', inputTokens: inputOf(answer, job) };
      throw asSellers(error);
    }
    for (const piece of batch.pieces) {
      counted.tokens += piece.tokens.length;
      yield* eventsOf(piece);
    }
    if (batch.end === null) continue;
    // The receipt is read while the buyer already has the answer.
    void answer.conclude();
    const [reason] = batch.end.finishReasons;
    yield* endOf(batch.end.usage, counted.tokens, finishReason(reason));
    return;
  }
}

/** The end for a buyer that has left: it is charged for what the provider charges. */
async function* unwantedEnd(sale: BegunSale): AsyncGenerator<GenerateEvent, void> {
  const { answer, counted } = sale;
  const job = await answer.conclude(left());
  const output = Math.max(counted.tokens, answer.earlier().completion_tokens + (job.outputTokens ?? 0));
  const input = job.inputTokens === null ? await inputByCost(sale, output) : inputOf(answer, job);
  yield* endOf({ prompt_tokens: input, completion_tokens: output }, counted.tokens, 'aborted');
}

/**
 * The receipt was lost with the connection, and only the charge can be queried: counts as many tokens of the prompt as
 * leave the margin. A buyer that has left gets no receipt either.
 */
async function inputByCost(sale: BegunSale, output: number): Promise<number> {
  const { answer, price, marginPercent, tokensMax } = sale;
  const cost = await answer.cost();
  const perToken = BigInt(price.inputPerMillion);
  if (cost === null || perToken === 0n) return 0;
  const due =
    (cost * BigInt(100 + marginPercent) * 10_000n - BigInt(output) * BigInt(price.outputPerMillion)) /
    perToken;
  return due <= 0n ? 0 : Math.min(Number(due), tokensMax);
}

/** Input tokens of all parts: each reads the prompt. */
function inputOf(answer: BoughtAnswer, { inputTokens }: Pick<Job, 'inputTokens'>): number {
  return answer.earlier().prompt_tokens + (inputTokens ?? 0);
}

function* endOf(
  usage: Pick<Usage, 'prompt_tokens' | 'completion_tokens' | 'prompt_tokens_details'>,
  tokens: number,
  reason: EndReason,
): Generator<GenerateEvent, void> {
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens;
  // A provider may count tokens without sending their IDs; all of them are paid for.
  const unsent = Math.max(0, outputTokens - tokens);
  if (unsent > 0) yield { type: 'text', text: '', tokens: Array<number>(unsent).fill(UNKNOWN_TOKEN) };
  yield { type: 'start', inputTokens, ...(cachedTokens !== undefined && { cachedTokens }) };
  yield { type: 'end', reason, inputTokens, outputTokens, prefillMs: 0, decodeMs: 0 };
}

type EndReason = Extract<GenerateEvent, { type: 'end' }>['reason'];

function finishReason(reason: string | undefined): EndReason {
  return reason === 'length' || reason === 'tool_calls' ? reason : 'stop';
}

function* eventsOf({ vectors, choice: _, ...piece }: AnswerPiece): Generator<GenerateEvent, void> {
  if (vectors !== undefined) yield { type: 'vectors', vectors };
  else yield { type: 'text', ...piece };
}

function askedOf(model: string, request: GenerateRequest): AskedCompletion {
  const { prompt, maxTokens, temperature, topP, seed, stop } = request;
  const api = prompt.kind === 'embed' ? 'embeddings' : prompt.kind;
  return {
    ...{ api, model, prompt, maxTokens, temperature, topP, seed, stop },
    sampling: request.sampling ?? {},
    json: request.json ?? null,
    topLogprobs: request.topLogprobs ?? null,
    choices: 1,
    stream: true,
    includeUsage: true,
    returnTokenIds: true,
    ignored: [],
  };
}

function left(): AppError {
  return new AppError('aborted', 'The requester disconnected.');
}

function notForSale(): AppError {
  return new AppError('model-unavailable', 'No provider offers that model right now.', {
    details: { param: 'model' },
  });
}

/** The storefront's own limits and balances are no concern of its buyer, and no reason to demand another payment. */
function asSellers(error: unknown): unknown {
  if (!isAppError(error) || isAppError(error, ...PASSED_ON)) return error;
  return new AppError('no-provider', 'The market can’t answer this request now. Retry in 5 s.', {
    cause: error,
    details: { retryAfterS: 5 },
  });
}

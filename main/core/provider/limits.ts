/** Limits of the provider service, and the checks of a request against them. */
import { type AskedCompletion, answerTokensMax, promptBytes } from '../../../shared/asked.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, ZERO } from '../../../shared/money.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { AnswerFileLimits } from './answer-files.ts';
import type { BodyLimits } from './body-places.ts';
import type { ChainWorkLimits } from './chain-work.ts';
import type { FreeRequestLimits } from './free-requests.ts';
import type { KeptAnswerLimits } from './kept-answers.ts';

export interface ProviderLimits
  extends BodyLimits,
    ChainWorkLimits,
    FreeRequestLimits,
    KeptAnswerLimits,
    AnswerFileLimits {
  /** Requests that may wait for a slot. */
  readonly waitingMax: number;
  /**
   * Concurrent requests of one peer, including waiting ones. More than the channels that a buyer keeps with a provider: it
   * may use a channel again as soon as it has the receipt, before the place of that request is free.
   */
  readonly perPeerMax: number;
  /** The same of all peers of one subnet (IPv4: /24, IPv6: /48), as far as their addresses are known. */
  readonly perSubnetMax: number;
  /** Waiting places of a model for peers and subnets that have none there. */
  readonly reservedWaiting: number;
  /** UTF-8 bytes of all messages and tools together. */
  readonly promptBytesMax: number;
  /** Output tokens of all choices of one request: neither side risks more than one request. */
  readonly answerTokensMax: number;
  /** Requests of one payer within {@link abandonWindowMs} that were left early or that the engine rejected. */
  readonly abandonedPerPayerMax: number;
  readonly abandonWindowMs: number;
  /** Requests for channels that are in progress, in total and of one peer. */
  readonly channelRequestsMax: number;
  readonly channelRequestsPerPeerMax: number;
  /** Size up to which the body of a request without a payment is received, to tell its price. */
  readonly unpaidBodyBytesMax: number;
}

export const PROVIDER_LIMITS: ProviderLimits = {
  waitingMax: 16,
  perPeerMax: 16,
  perSubnetMax: 32,
  reservedWaiting: 4,
  promptBytesMax: 256 * 1024,
  answerTokensMax: 4_096,
  stallMs: 60_000,
  abandonedPerPayerMax: 20,
  abandonWindowMs: 600_000,
  channelRequestsMax: 32,
  channelRequestsPerPeerMax: 8,
  chainWorkPerPeerMax: 20,
  chainWorkMax: 200,
  unpaidBodyBytesMax: 64 * 1024,
  bodiesMax: 64,
  bodiesPerPeerMax: 8,
  unprovenBodiesMax: 16,
  unprovenBodiesPerPeerMax: 2,
  unfundedPerPeerMax: 10,
  unfundedPerSubnetMax: 30,
  unfundedMax: 60,
  freePerPeerMax: 50,
  freePerSubnetMax: 400,
  freeWindowMs: 10_000,
  keptCharactersMax: 32 * 1024 * 1024,
  keptCharactersPerPeerMax: 16 * 1024 * 1024,
  keptMs: 900_000,
  filedBytesMax: 64 * 1024 * 1024,
  filedBytesPerPeerMax: 32 * 1024 * 1024,
  filedMs: 86_400_000,
};

/** Returns the highest cost of any request: the price of one whose body wasn't received. */
export function highestCost(models: readonly OfferedModel[], limits: ProviderLimits): Amount {
  const costs = models.map(({ price, contextTokens }) =>
    charge(price, { input: contextTokens, output: Math.min(contextTokens, limits.answerTokensMax) }),
  );
  return costs.reduce((highest, cost) => (cost > highest ? cost : highest), ZERO);
}

/** Returns the maximum number of output tokens of each choice. Fails with `context-exceeded` or `bad-request`. */
export function checkSize(asked: AskedCompletion, model: OfferedModel, limits: ProviderLimits): number {
  const bytes = promptBytes(asked);
  const { contextTokens } = model;
  const tokensMax = answerTokensMax(asked, contextTokens);
  if (tokensMax >= contextTokens) throw contextExceeded(null, tokensMax, contextTokens);
  if (bytes > limits.promptBytesMax) {
    throw new AppError(
      'context-exceeded',
      `The prompt exceeds the context limit of this provider: ${bytes} > ${limits.promptBytesMax} bytes.`,
      { details: { param: 'messages', contextTokens } },
    );
  }
  if (tokensMax * asked.choices > limits.answerTokensMax) {
    throw new AppError(
      'bad-request',
      `Invalid "max_tokens": must not exceed ${limits.answerTokensMax} on this provider, for all choices together.`,
      { details: { param: 'max_tokens', code: 'invalid_value' } },
    );
  }
  return tokensMax;
}

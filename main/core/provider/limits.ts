/** Limits of the provider service, and the checks of a request against them. */
import { AppError } from '../../../shared/errors.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { type AskedCompletion, answerTokensMax, textsOf } from '../../../shared/openai.ts';

export interface ProviderLimits {
  /** Requests that may wait for a slot. */
  readonly waitingMax: number;
  /** Concurrent requests of one peer. */
  readonly perPeerMax: number;
  /** UTF-8 bytes of all messages together. */
  readonly promptBytesMax: number;
  /** Output tokens of one request: neither side risks more than one request. */
  readonly answerTokensMax: number;
  /** A requester that reads nothing for this long counts as disconnected. */
  readonly stallMs: number;
}

export const PROVIDER_LIMITS: ProviderLimits = {
  waitingMax: 16,
  perPeerMax: 8,
  promptBytesMax: 256 * 1024,
  answerTokensMax: 4_096,
  stallMs: 60_000,
};

/** Returns the maximum number of output tokens to generate. Fails with `context-exceeded` or `bad-request`. */
export function checkSize(asked: AskedCompletion, model: OfferedModel, limits: ProviderLimits): number {
  const bytes = textsOf(asked).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const { contextTokens } = model;
  const tokensMax = answerTokensMax(asked, contextTokens);
  if (bytes > limits.promptBytesMax || tokensMax >= contextTokens) {
    throw new AppError('context-exceeded', 'Prompt and answer exceed the context of the model.', {
      details: { param: tokensMax >= contextTokens ? 'max_tokens' : null, contextTokens },
    });
  }
  if (tokensMax > limits.answerTokensMax) {
    throw new AppError(
      'bad-request',
      `Invalid "max_tokens": must not exceed ${limits.answerTokensMax} on this provider.`,
      { details: { param: 'max_tokens', code: 'invalid_value' } },
    );
  }
  return tokensMax;
}

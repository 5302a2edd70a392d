/** Finds who answers a request: one provider after the other until one has begun, each attempt in the books. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { type AskedCompletion, answerTokensMax, textsOf } from '../../../shared/openai.ts';
import { inputTokensMax } from '../../../shared/price.ts';
import type { Directory } from '../network/index.ts';
import { type Candidate, rank } from './choice.ts';
import {
  type Batch,
  PAYMENT_CORRECTED,
  type Purchase,
  type PurchaseContext,
  startPurchase,
} from './purchase.ts';
import { pause } from './waiting.ts';

/** An answer that has begun: the first batch is here, so the provider works. */
export interface StartedResponse {
  readonly purchase: Purchase;
  readonly first: Batch;
  readonly candidate: Candidate;
  /** The most tokens that this provider was asked for. */
  readonly maxTokens: number;
}

/** What is already there when an answer is gone on with. */
export interface Continuation {
  /** The job that ended too early. */
  readonly jobId: string;
  /** The model file that answered so far. */
  readonly sha256: string;
  /** Peers that are not to be asked. */
  readonly without: ReadonlySet<string>;
}

export interface Seeking {
  /** Fails with the last attempt's AppError when nobody begins. */
  begin(asked: AskedCompletion, requester: AbortSignal, going?: Continuation): Promise<StartedResponse>;
  /** Ends a purchase, and lets `idle` wait for it. */
  conclude(purchase: Pick<Purchase, 'conclude'>, cause?: AppError): ReturnType<Purchase['conclude']>;
  /** Asks a peer for its offer anew: what it said no longer holds. */
  refresh(peer: string): Promise<unknown>;
  /** Resolves when every purchase that was begun is booked. */
  idle(): Promise<void>;
}

export interface SeekingOptions {
  readonly context: PurchaseContext;
  readonly directory: Directory;
  readonly accepts: (offer: Offer, model: OfferedModel) => boolean;
}

/** Attempts for one request or its continuation, over all providers. */
const ATTEMPTS_MAX = 6;
/**
 * Waits before a provider is asked again after it refused a payment or broke off: a channel whose last
 * request was left early is busy until the provider's engine has made its current token.
 */
const RETRY_DELAYS_MS = [0, 150, 600, 2_000];
/** A peer that failed is asked last for this long; better a recentlyFailed one than none. */
const RECENT_FAILURE_MS = 30_000;

/** See {@link Seeking}. */
export function createSeeking({ context, directory, accepts }: SeekingOptions): Seeking {
  const { clock } = context;
  const failedUntilMs = new Map<string, number>();
  const concluding = new Set<Promise<unknown>>();

  function conclude(purchase: Pick<Purchase, 'conclude'>, cause?: AppError) {
    const done = purchase.conclude(cause);
    concluding.add(done);
    return done.finally(() => concluding.delete(done));
  }

  async function candidates(asked: AskedCompletion, going?: Continuation): Promise<readonly Candidate[]> {
    const wanted = {
      modelId: asked.model,
      sha256: going?.sha256 ?? null,
      inputTokens: inputTokensMax(textsOf(asked)),
      outputTokens: asked.maxTokens ?? 0,
    };
    const selling = await directory.find(asked.model, going?.without);
    if (selling.length === 0) throw notOffered();
    const ranked = rank(selling, wanted, accepts);
    if (ranked.length > 0) return recentlyFailedLast(ranked);
    if (rank(selling, wanted, () => true).length > 0)
      throw new AppError('no-provider', 'Nobody offers that model at terms that are accepted here.');
    throw new AppError('context-exceeded', 'The answer does not fit the context of the model.', {
      details: { param: 'max_tokens' },
    });
  }

  function recentlyFailedLast(ranked: readonly Candidate[]): readonly Candidate[] {
    const nowMs = clock.now();
    for (const [peer, untilMs] of failedUntilMs) if (untilMs <= nowMs) failedUntilMs.delete(peer);
    const recentlyFailed = ({ peer }: Candidate) => failedUntilMs.has(peer);
    return [...ranked.filter((each) => !recentlyFailed(each)), ...ranked.filter(recentlyFailed)];
  }

  async function attempt(
    candidate: Candidate,
    asked: AskedCompletion,
    requester: AbortSignal,
    going?: Continuation,
  ): Promise<StartedResponse> {
    const maxTokens = answerTokensMax(asked, candidate.model.contextTokens);
    const continues = going?.jobId ?? null;
    const purchase = await startPurchase(context, candidate, { ...asked, maxTokens }, requester, continues);
    try {
      let first = await purchase.next();
      while (first.pieces.length === 0 && !first.end) first = await purchase.next();
      return { purchase, first, candidate, maxTokens };
    } catch (error) {
      await conclude(purchase, asFailure(error));
      throw error;
    }
  }

  /** After a failed attempt: a candidate to try before the others, none, or that nothing will help. */
  async function whatNow(
    error: AppError,
    candidate: Candidate,
    retries: Map<string, number>,
  ): Promise<Candidate | 'stop' | null> {
    const { peer } = candidate;
    const counter = `${peer} ${error.code}`;
    const tried = retries.get(counter) ?? 0;
    retries.set(counter, tried + 1);
    switch (error.code) {
      case 'bad-request':
        // What was read here and is not known there: a provider of an older version.
        return error.details.code === 'unknown_parameter' ? null : 'stop';
      case 'context-exceeded':
      case 'insufficient-funds':
      case 'chain-unavailable':
        return 'stop';
      case 'payment-required': {
        const delayMs = RETRY_DELAYS_MS[tried];
        if (error.details.reason !== PAYMENT_CORRECTED || delayMs === undefined) return null;
        await pause(clock, error.details.code === 'channel-busy' ? delayMs : 0);
        return renewed(candidate);
      }
      case 'paused':
      case 'model-unavailable':
        await directory.refresh(peer);
        return null;
      case 'peer-unreachable':
      case 'engine-failed':
        failedUntilMs.set(peer, clock.now() + RECENT_FAILURE_MS);
        return tried === 0 && directory.providers().length === 1 ? candidate : null;
      default:
        return null;
    }
  }

  /** The candidate at its price of now: a price that rose makes a voucher too small. */
  async function renewed(candidate: Candidate): Promise<Candidate | null> {
    const { peer } = candidate;
    const offer = await directory.refresh(peer);
    const model = offer?.models.find(({ id }) => id === candidate.model.id);
    if (!offer || !model || model.sha256 !== candidate.model.sha256) return null;
    return accepts(offer, model) ? { peer, offer, model } : null;
  }

  return {
    async begin(asked, requester, going) {
      const queue = [...(await candidates(asked, going))];
      const retries = new Map<string, number>();
      let failure: AppError | null = null;
      for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts += 1) {
        const candidate = queue.shift();
        if (!candidate) break;
        try {
          return await attempt(candidate, asked, requester, going);
        } catch (error) {
          if (!isAppError(error) || requester.aborted) throw error;
          failure = error;
          const again = await whatNow(error, candidate, retries);
          if (again === 'stop') throw error;
          if (again) queue.unshift(again);
        }
      }
      throw failure ?? new AppError('no-provider', 'Nobody offers that model right now.');
    },
    conclude,
    refresh: directory.refresh,
    async idle() {
      while (concluding.size > 0) await Promise.all(concluding);
    },
  };
}

/** Nobody sells what was named. */
export function notOffered(): AppError {
  return new AppError('model-unavailable', 'Nobody offers that model right now.', {
    details: { param: 'model' },
  });
}

/** Any failure, as one that may be told. */
export function asFailure(error: unknown): AppError {
  return isAppError(error)
    ? error
    : new AppError('engine-failed', 'The answer could not be passed on.', { cause: error });
}

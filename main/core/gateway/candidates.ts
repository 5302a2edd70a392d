/**
 * Lists the providers to try for a request, at their current prices: first the one that holds the conversation's
 * beginning, if it is expected to cost no more; recently failed ones last.
 */
import { type AskedCompletion, askedTokensMax, neededFeatures } from '../../../shared/asked.ts';
import { describeDuration } from '../../../shared/clocks.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { AppError } from '../../../shared/errors.ts';
import { categoriesOf } from '../../../shared/job-categories.ts';
import { featureMissing, missingFeature } from '../../../shared/model-features.ts';
import { type Offer, type OfferedModel, pricedFor } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import { isWithin, type RequestBudget } from '../budget/index.ts';
import type { Directory } from '../network/index.ts';
import type { Experience } from '../reputation/index.ts';
import { type Candidate, holderFirst, rank, STRANGER_STANDING_MAX, sample } from './choice.ts';
import { explained } from './explanation.ts';
import type { PrefixHolders } from './prefix-holders.ts';

/** Requirements of an answer that has begun, or of one from a certain file, on its provider. */
export interface Continuation {
  /** The job that ended too early; null before the first one. */
  readonly jobId: string | null;
  /** The model file that the answer so far, or the whole answer, is from. */
  readonly sha256: string;
  /** Peers to leave out. */
  readonly without: ReadonlySet<string>;
}

export interface CandidateOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly accepts: (offer: Offer, model: OfferedModel) => boolean;
  readonly holders: Pick<PrefixHolders, 'find'>;
  readonly experience: Pick<Experience, 'of'>;
  /** From 0 to 1, exclusive; draws the part of a large market that is compared. */
  readonly random: () => number;
}

export interface Candidates {
  /**
   * Best first, each with the reason of its choice. Fails with `model-unavailable`, `no-provider` or `context-exceeded` if there is none, and with
   * `payment-required` if all of them exceed the price limit.
   */
  list(
    asked: AskedCompletion,
    continuation: Continuation | null,
    budget: RequestBudget,
    /** True for a line of a batch, which may have another price. */
    isBatch?: boolean,
  ): Promise<readonly Candidate[]>;
  /** True for a peer that failed a short while ago. */
  hasFailed(peer: string): boolean;
  /** Moves the peer to the end of the list for a while; longer if it hasn't proven anything yet. */
  noteFailure(peer: string, isTrusted: boolean): void;
  /**
   * Returns the candidate at its current price, since a voucher for the old price is too small after a rise; null if
   * it no longer sells the same file at terms that are accepted. Fails with `payment-required` if its price exceeds
   * the limit now.
   */
  renew(candidate: Candidate, budget: RequestBudget, isBatch?: boolean): Promise<Candidate | null>;
}

/** A peer that failed is tried last for this long, but still before giving up. */
const RECENT_FAILURE_MS = 30_000;
/** The same for a peer without valid receipts: each try may cost another deposit. */
const UNTRUSTED_FAILURE_MS = 600_000;
/** Providers that are compared for one request. */
const COMPARED_MAX = 128;

export function createCandidates(options: CandidateOptions): Candidates {
  const { directory, clock, accepts, holders, experience, random } = options;
  /** Monotonic. */
  const failedUntilMs = new Map<string, number>();

  function recentlyFailedLast(ranked: readonly Candidate[]): readonly Candidate[] {
    const nowMs = clock.monotonic();
    for (const [peer, untilMs] of failedUntilMs) if (untilMs <= nowMs) failedUntilMs.delete(peer);
    const recentlyFailed = ({ peer }: Candidate) => failedUntilMs.has(peer);
    return [...ranked.filter((each) => !recentlyFailed(each)), ...ranked.filter(recentlyFailed)];
  }

  const isProven = (peer: string) => experience.of(peer, '').standing >= STRANGER_STANDING_MAX;

  return {
    async list(asked, continuation, budget, isBatch = false) {
      const wanted = {
        modelId: asked.model,
        sha256: continuation?.sha256 ?? null,
        inputTokens: askedTokensMax(asked),
        outputTokens: asked.maxTokens ?? 0,
      };
      const found = await directory.find(asked.model, continuation?.without);
      if (found.length === 0) throw clockError(directory.peersAheadMs()) ?? notOffered();
      const selling = capable(willing(found, asked, isBatch), asked);
      const held = holders.find(asked);
      const compared = sample(
        selling,
        COMPARED_MAX,
        ({ peer }) => peer === held?.peer || isProven(peer),
        random,
      );
      const ranked = rank(compared, wanted, accepts, { knownOf: experience.of, random });
      if (ranked.length > 0) {
        const affordable = withinLimit(ranked, budget);
        return explained(recentlyFailedLast(holderFirst(affordable, wanted, held)), {
          holder: held?.peer ?? null,
          hasFailed: (peer) => failedUntilMs.has(peer),
        });
      }
      if (rank(selling, wanted, () => true).length > 0)
        throw new AppError('no-provider', 'No provider offers that model at terms that are accepted here.');
      const models = selling.flatMap(({ offer }) => offer.models.filter(({ id }) => id === asked.model));
      throw contextExceeded(
        null,
        wanted.outputTokens,
        Math.max(...models.map(({ contextTokens }) => contextTokens)),
      );
    },
    hasFailed: (peer) => (failedUntilMs.get(peer) ?? 0) > clock.monotonic(),
    noteFailure: (peer, isTrusted) =>
      void failedUntilMs.set(
        peer,
        clock.monotonic() + (isTrusted ? RECENT_FAILURE_MS : UNTRUSTED_FAILURE_MS),
      ),
    async renew({ peer, model: before, why }, budget, isBatch = false) {
      const offer = await directory.refresh(peer);
      const model = offer?.models.find(({ id }) => id === before.id);
      if (!offer || !model || model.sha256 !== before.sha256) return null;
      if (!accepts(offer, model)) return null;
      const [renewed] = withinLimit([{ peer, offer, model: pricedFor(model, isBatch) }], budget);
      return renewed ? { ...renewed, ...(why !== undefined && { why }) } : null;
    },
  };
}

/** Returns the providers that sell such jobs, at the prices for them. Fails with `no-provider` if there is none. */
function willing<P extends { readonly offer: Offer }>(
  providers: readonly P[],
  asked: AskedCompletion,
  isBatch: boolean,
): readonly P[] {
  const categories: readonly string[] = categoriesOf(asked, isBatch);
  const selling = providers.filter(({ offer }) => !offer.refuses?.some((each) => categories.includes(each)));
  if (selling.length === 0) {
    throw new AppError(
      'no-provider',
      `No provider of that model sells such jobs (${categories.join(', ')}).`,
    );
  }
  return selling.map((provider) => {
    const models = provider.offer.models.map((model) => pricedFor(model, isBatch));
    return { ...provider, offer: { ...provider.offer, models } };
  });
}

/** Returns the providers whose model can do what the request needs. Fails with `unsupported` if there is none. */
function capable<P extends { readonly offer: Offer }>(
  providers: readonly P[],
  asked: AskedCompletion,
): readonly P[] {
  const needed = neededFeatures(asked);
  const missing = providers.map(({ offer }) =>
    missingFeature(needed, offer.models.find(({ id }) => id === asked.model)?.features),
  );
  const able = providers.filter((_, index) => missing[index] === null);
  const [first] = missing;
  if (able.length === 0 && first) throw featureMissing(asked.model, first);
  return able;
}

/** The error for providers that can't be used because the clocks differ; null if they don't. */
function clockError(aheadMs: number | null): AppError | null {
  if (aheadMs === null || aheadMs === 0) return null;
  const side = aheadMs > 0 ? 'behind' : 'ahead of';
  return new AppError(
    'clock-wrong',
    `No provider offers that model right now. This machine’s clock is ${describeDuration(Math.abs(aheadMs))} ${side} the clocks of the providers found. Check date and time of this machine; until they are right, offers are rejected.`,
    { details: { aheadMs } },
  );
}

/** Returns the candidates that cost no more than the request may pay. Fails with `payment-required` if none does. */
function withinLimit(ranked: readonly Candidate[], budget: RequestBudget): readonly Candidate[] {
  const [first] = ranked;
  if (!first) return ranked;
  const priceOf = ({ terms }: Candidate) => terms?.price ?? 0;
  const cheapest = ranked.reduce((least, each) => (priceOf(each) < priceOf(least) ? each : least), first);
  const limit = budget.priceLimit(
    cheapest.model.id,
    ranked.map(({ model }) => model.price),
  );
  const within = ranked.filter(({ model }) => isWithin(model.price, limit));
  if (within.length > 0) return within;
  throw budget.aboveLimit(cheapest.model, limit);
}

/** The error for a model that no provider sells. */
export function notOffered(): AppError {
  return new AppError('model-unavailable', 'No provider offers that model right now.', {
    details: { param: 'model' },
  });
}

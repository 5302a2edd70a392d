/**
 * Tries providers one after another until one has begun to answer a request; each attempt is a job of its own. If the
 * first token is late, a second provider is asked as well, and the one that isn't needed is canceled.
 */
import type { OpinionSource } from '../../../shared/answer-check.ts';
import { type AskedCompletion, answerTokensMax, askedCostMax } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { JobKey } from '../../../shared/jobs.ts';
import { isAboveLimit, isNewProviderLimit, type RequestBudget } from '../budget/index.ts';
import type { Directory } from '../network/index.ts';
import type { Experience } from '../reputation/index.ts';
import { createAsking, isBegun } from './asking.ts';
import { openAttempt, type StartedResponse } from './attempt.ts';
import type { Candidates, Continuation } from './candidates.ts';
import type { Candidate } from './choice.ts';
import type { PrefixHolders } from './prefix-holders.ts';
import { type OnSending, PAYMENT_CORRECTED, type Purchase, type PurchaseContext } from './purchase.ts';
import { pause } from './waiting.ts';
import type { Hedge } from './watchdog.ts';

export interface SearchRequest {
  readonly asked: AskedCompletion;
  readonly requester: AbortSignal;
  readonly budget: RequestBudget;
  /** Set if an answer that has begun is to be continued. */
  readonly continuation: Continuation | null;
  /** The API key that buys; null without one. */
  readonly apiKey: JobKey | null;
  /** Set for a line of a batch. */
  readonly onSending?: OnSending | undefined;
  /** See {@link import('../answer-checks/index.ts').ProvenAnswer.opinionsFrom}. Absent: nobody. */
  readonly opinionsFrom?: OpinionSource | undefined;
  /** Permits a second provider while the first one is late; null forbids it. */
  readonly hedge: Hedge | null;
}

export interface ProviderSearch {
  /** Fails with the last attempt's AppError if no provider begins. */
  findProvider(request: SearchRequest): Promise<StartedResponse>;
  /** Ends a purchase, and makes `idle` wait for it. */
  conclude(purchase: Pick<Purchase, 'conclude'>, cause?: AppError): ReturnType<Purchase['conclude']>;
  /** Moves a peer that failed in the middle of an answer to the end of the list for a while. */
  noteFailure(peer: string): void;
  /** Fetches a peer's offer again, because the known one is out of date. */
  refresh(peer: string): Promise<unknown>;
  /** Number of purchases that are being ended and aren't recorded yet. */
  concluding(): number;
  /** Resolves when every purchase that was begun is recorded. */
  idle(): Promise<void>;
}

export interface ProviderSearchOptions {
  readonly context: PurchaseContext;
  readonly directory: Directory;
  readonly candidates: Candidates;
  readonly holders: Pick<PrefixHolders, 'note'>;
  readonly experience: Experience;
  /** True if the peer has proven that it delivers. */
  readonly isTrusted: (peer: string) => boolean;
}

/** Attempts for one request or its continuation, over all providers. */
const ATTEMPTS_MAX = 6;
/** Providers that one search passes over because of a limit of this buyer; they are no attempts. */
const PASSED_OVER_MAX = 64;
/**
 * Delays before a provider is tried again after it rejected a payment or the connection broke: a channel whose last
 * request was left early is busy until the provider's engine has made its current token.
 */
const RETRY_DELAYS_MS = [0, 150, 600, 2_000];

/** See {@link ProviderSearch}. */
export function createProviderSearch(options: ProviderSearchOptions): ProviderSearch {
  const { context, directory, candidates, isTrusted } = options;
  const concluding = new Set<Promise<unknown>>();

  function track<T>(done: Promise<T>): Promise<T> {
    concluding.add(done);
    return done.finally(() => concluding.delete(done));
  }

  const conclude: ProviderSearch['conclude'] = (purchase, cause) => track(purchase.conclude(cause));
  const open = (candidate: Candidate, request: SearchRequest) =>
    openAttempt({ ...options, conclude }, candidate, request);

  const asking = createAsking({ open, track, isTrusted });

  return {
    async findProvider(request) {
      const { asked, budget, continuation, requester } = request;
      asking.counted();
      const isBatch = request.onSending !== undefined;
      const queue = [...(await candidates.list(asked, continuation, budget, isBatch))];
      const retries = createRetries({ ...context, directory, candidates, isTrusted, isBatch }, budget);
      let failure: AppError | null = null;
      let passedOver: AppError | null = null;
      let passes = 0;
      for (let attempts = 0; attempts < ATTEMPTS_MAX && passes < PASSED_OVER_MAX; ) {
        const candidate = queue.shift();
        if (!candidate) break;
        const begun = await asking.ask(candidate, request, queue);
        if (isBegun(begun)) return begun;
        for (const { candidate: failed, error } of begun) {
          if (!isAppError(error) || requester.aborted) throw error;
          if (isAboveLimit(error)) {
            passes += 1;
            passedOver ??= error;
            // None of the other strangers can be paid either.
            if (isNewProviderLimit(error))
              queue.sort((a, b) => Number(isTrusted(b.peer)) - Number(isTrusted(a.peer)));
            continue;
          }
          attempts += 1;
          const next = await retries.after(error, failed);
          // The provider may have the answer: it is collected there before it is bought elsewhere.
          if (request.onSending && isAppError(error, 'peer-unreachable')) throw error;
          failure = isAppError(next) ? next : error;
          if (next === 'stop') throw error;
          if (next && !isAppError(next)) enqueue(queue, next, { before: failed, asked });
        }
      }
      // A limit alone explains nothing after a real failure.
      throw failure ?? passedOver ?? new AppError('no-provider', 'No provider offers that model right now.');
    },
    conclude,
    noteFailure: (peer) => candidates.noteFailure(peer, isTrusted(peer)),
    refresh: directory.refresh,
    concluding: () => concluding.size,
    async idle() {
      while (concluding.size > 0) await Promise.all(concluding);
    },
  };
}

/** Adds a renewed candidate: first, unless its price rose; then at its place by cost. */
function enqueue(
  queue: Candidate[],
  renewed: Candidate,
  { before, asked }: { readonly before: Candidate; readonly asked: AskedCompletion },
): void {
  const cost = ({ model }: Candidate) =>
    askedCostMax(model.price, asked, answerTokensMax(asked, model.contextTokens));
  const rose = cost(renewed) > cost(before);
  const index = rose ? queue.findIndex((each) => cost(each) > cost(renewed)) : 0;
  queue.splice(index < 0 ? queue.length : index, 0, renewed);
}

/** Codes of a provider that doesn't have a parameter. */
const PARAMETER_CODES = new Set(['unknown_parameter', 'unsupported_parameter']);

/** Decides how one search continues after a failed attempt. */
interface Retries {
  /**
   * Returns a candidate to try again, null for the next one, `stop` if no other one can help, or the limit that the
   * renewed candidate exceeds.
   */
  after(error: AppError, candidate: Candidate): Promise<Candidate | 'stop' | AppError | null>;
}

interface RetryParts
  extends Pick<PurchaseContext, 'clock'>,
    Omit<ProviderSearchOptions, 'context' | 'holders' | 'experience'> {
  readonly isBatch: boolean;
}

function createRetries(
  { clock, directory, candidates, isTrusted, isBatch }: RetryParts,
  budget: RequestBudget,
): Retries {
  /** Failures so far by peer and error code. */
  const failures = new Map<string, number>();

  return {
    async after(error, candidate) {
      const { peer } = candidate;
      const counter = `${peer} ${error.code}`;
      const tried = failures.get(counter) ?? 0;
      failures.set(counter, tried + 1);
      if (!isTrusted(peer)) candidates.noteFailure(peer, false);
      switch (error.code) {
        case 'bad-request':
          // A parameter that is valid here and unknown there: the provider has an older version.
          // From a peer that has proven nothing, it proves nothing about the request.
          return PARAMETER_CODES.has(String(error.details.code)) || !isTrusted(peer) ? null : 'stop';
        case 'context-exceeded':
          return 'stop';
        case 'insufficient-funds':
        case 'chain-unavailable':
          // As reported by a provider, it applies to that provider only.
          return error.details.peer === undefined ? 'stop' : null;
        // This machine's own disk: a provider reports its faults as a pause.
        case 'disk-full':
        case 'disk-unwritable':
        case 'database-lost':
        case 'database-corrupt':
          return 'stop';
        case 'payment-required': {
          const delayMs = RETRY_DELAYS_MS[tried];
          if (error.details.reason !== PAYMENT_CORRECTED || delayMs === undefined) return null;
          await pause(clock, error.details.code === 'channel-busy' ? delayMs : 0);
          return candidates.renew(candidate, budget, isBatch).catch((limit: unknown) => {
            if (isAboveLimit(limit)) return limit;
            throw limit;
          });
        }
        case 'paused':
        case 'not-accepted':
        case 'model-unavailable':
          await directory.refresh(peer);
          return null;
        case 'clock-wrong':
        case 'peer-unreachable':
        case 'engine-failed':
          candidates.noteFailure(peer, isTrusted(peer));
          return tried === 0 && directory.providers().length === 1 ? candidate : null;
        default:
          return null;
      }
    },
  };
}

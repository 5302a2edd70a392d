/**
 * One answer from as many providers as needed: if a provider pauses during the answer because its owner is back,
 * another one (or the same one later) continues from the delivered text. Each part is a job with its own receipt.
 */
import type { AskedCompletion } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { JobKey } from '../../../shared/jobs.ts';
import type { Usage } from '../../../shared/openai-chunks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RequestBudget } from '../budget/index.ts';
import { AnswerProgress } from './answer-progress.ts';
import type { Continuation } from './candidates.ts';
import type { OnPause } from './on-pause.ts';
import type { ProviderSearch, StartedResponse } from './provider-search.ts';
import type { Batch, OnSending } from './purchase.ts';
import { pause } from './waiting.ts';

/** The content of one read; `end` counts the tokens of all parts. */
export type AnswerBatch = Batch & { readonly end: { readonly usage: Usage } | null };

export interface Answer {
  /** The job of the first part. */
  readonly jobId: string;
  /** The model file. */
  readonly sha256: string;
  /** Reads the next batch. Fails with an AppError; `conclude` is still to be called then. */
  next(): Promise<AnswerBatch>;
  /** See {@link import('./purchase.ts').Purchase.conclude}; concludes the current part. */
  conclude(cause?: AppError): Promise<unknown>;
}

export interface AnswerRequest {
  readonly asked: AskedCompletion;
  readonly onPause: OnPause;
  readonly budget: RequestBudget;
  readonly requester: AbortSignal;
  /** The API key that buys; null without one. */
  readonly apiKey: JobKey | null;
  /** Set for a line of a batch. */
  readonly onSending?: OnSending | undefined;
}

export interface AnswerParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
}

/** Limits one request, however often owners come and go. */
const CONTINUATIONS_MAX = 3;
/**
 * Pauses of one peer in an answer after which it is left out. Each part pays for the prompt again, so a provider that
 * pauses on purpose doesn't earn it a third time.
 */
const PAUSES_MAX = 2;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 10_000;

/** Resolves when a provider has begun to answer; fails with an AppError if none does. */
export async function beginAnswer(parts: AnswerParts, request: AnswerRequest): Promise<Answer> {
  const first = await searchWhileWaiting(parts, request, request.asked, null);
  return createAnswer(parts, request, first);
}

function createAnswer(
  { search, clock }: AnswerParts,
  request: AnswerRequest,
  start: StartedResponse,
): Answer {
  const { asked, onPause, requester } = request;
  const progress = new AnswerProgress();
  /** Number of pauses in this answer by peer. */
  const pauses = new Map<string, number>();
  const pausedTimes = (atLeast: number) =>
    new Set([...pauses].filter(([, times]) => times >= atLeast).map(([peer]) => peer));
  let part = start;
  let first: Batch | null = start.first;
  let continuations = 0;

  async function continueElsewhere(cause: AppError): Promise<AnswerBatch> {
    const job = await search.conclude(part.purchase, cause);
    if (requester.aborted) throw requesterLeft();
    // Without a token count it is unknown how many of the requested tokens are left.
    if (!progress.endPart(job)) throw cause;
    const tokensLeft = start.maxTokens - progress.outputTokens;
    if (tokensLeft <= 0) return { pieces: [], end: { finishReasons: ['length'], usage: progress.usage() } };
    const { peer, model } = part.candidate;
    pauses.set(peer, (pauses.get(peer) ?? 0) + 1);
    continuations += 1;
    void search.refresh(peer);
    const known = { jobId: job.id, sha256: model.sha256 };
    try {
      part = await searchWhileWaiting({ search, clock }, request, progress.remainder(asked, tokensLeft), {
        pausedPeer: peer,
        continuation: { ...known, without: pausedTimes(1) },
        laterContinuation: { ...known, without: pausedTimes(PAUSES_MAX) },
      });
    } catch (error) {
      if (requester.aborted || !isAppError(error)) throw error;
      throw new AppError('paused', cause.message, { cause: error, details: cause.details });
    }
    return progress.add(part.first);
  }

  return {
    jobId: start.purchase.jobId,
    sha256: start.candidate.model.sha256,
    async next() {
      if (first) {
        const batch = first;
        first = null;
        return progress.add(batch);
      }
      try {
        return progress.add(await part.purchase.next());
      } catch (error) {
        const mayContinue = onPause.kind !== 'fail' && continuations < CONTINUATIONS_MAX;
        if (!mayContinue || !isAppError(error, 'paused') || !progress.canContinue(asked)) throw error;
        return continueElsewhere(error);
      }
    },
    conclude: (cause) => search.conclude(part.purchase, cause),
  };
}

/** The conditions for the continuation of an answer. */
interface Resumption {
  readonly pausedPeer: string;
  /** For the first search, which leaves out every peer that paused in this answer. */
  readonly continuation: Continuation;
  /** For the searches after a wait: a provider that paused earlier may be available again. */
  readonly laterContinuation: Continuation;
}

/** Searches until the waiting time of the request is over, which is immediately unless it waits. */
async function searchWhileWaiting(
  { search, clock }: AnswerParts,
  { onPause, ...request }: AnswerRequest,
  asked: AskedCompletion,
  resumption: Resumption | null,
): Promise<StartedResponse> {
  const { requester } = request;
  const endMs = clock.monotonic() + (onPause.kind === 'wait' ? onPause.waitMsMax : 0);
  let continuation = resumption?.continuation ?? null;
  for (let delayMs = WAIT_MS_MIN; ; delayMs = Math.min(delayMs * 2, WAIT_MS_MAX)) {
    try {
      return await search.findProvider({ ...request, asked, continuation });
    } catch (error) {
      const leftMs = endMs - clock.monotonic();
      if (requester.aborted || leftMs <= 0 || !mayPass(error, resumption !== null)) throw error;
      await pause(clock, Math.min(delayMs, leftMs), requester);
      if (requester.aborted) throw requesterLeft();
      if (resumption === null) continue;
      await search.refresh(resumption.pausedPeer);
      continuation = resumption.laterContinuation;
    }
  }
}

/**
 * Returns true if waiting may help. Before an answer has begun, only a pause is worth waiting for: a wrong model name,
 * for example, stays wrong.
 */
function mayPass(error: unknown, hasBegun: boolean): boolean {
  if (!hasBegun) return isAppError(error, 'paused');
  return isAppError(
    error,
    ...(['paused', 'busy', 'model-unavailable', 'no-provider', 'peer-unreachable', 'engine-failed'] as const),
  );
}

function requesterLeft(): AppError {
  return new AppError('aborted', 'The requester disconnected.');
}

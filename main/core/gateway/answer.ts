/**
 * One answer from as many providers as needed: if a provider pauses because its owner is back, dies or falls silent during
 * the answer, another one (after a pause also the same one, later) continues from the delivered text. Each part is a job
 * with its own receipt.
 */
import type { OpinionSource } from '../../../shared/answer-check.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import type { ChoiceNote } from '../../../shared/choice-note.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job, JobKey } from '../../../shared/jobs.ts';
import type { Usage } from '../../../shared/openai-chunks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RequestBudget } from '../budget/index.ts';
import { isLateAfter } from '../openai-http/index.ts';
import { AnswerProgress } from './answer-progress.ts';
import { replaced } from './asking.ts';
import { SILENT, type StartedResponse } from './attempt.ts';
import type { Continuation } from './candidates.ts';
import type { OnPause } from './on-pause.ts';
import { asFailure } from './provider-errors.ts';
import type { ProviderSearch } from './provider-search.ts';
import type { Batch, OnSending } from './purchase.ts';
import { pause } from './waiting.ts';
import { createHedge, createSilence, type Hedge } from './watchdog.ts';

/** The content of one read; `end` counts the tokens of all parts. */
export type AnswerBatch = Batch & { readonly end: { readonly usage: Usage } | null };

export interface Answer {
  /** The job of the first part. */
  readonly jobId: string;
  /** The model file. */
  readonly sha256: string;
  /** The reason for the provider of the first part; null if it wasn't compared with others. */
  readonly why: ChoiceNote | null;
  /** Reads the next batch. Fails with an AppError; `conclude` is still to be called then. */
  next(): Promise<AnswerBatch>;
  /** Token counts of the parts that have ended, without the current one. */
  earlier(): Usage;
  /** See {@link import('./purchase.ts').Purchase.conclude}; concludes the current part, and returns its job. */
  conclude(cause?: AppError): Promise<Job>;
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
  /** See {@link import('../answer-checks/index.ts').ProvenAnswer.opinionsFrom}. Absent: nobody. */
  readonly opinionsFrom?: OpinionSource;
  /** The only model file that may answer. Absent: any of that name. */
  readonly sha256?: string;
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
/** The rest is bought after this time, although the provider hasn't sent its receipt yet. */
const CONCLUDED_MS_MAX = 1_000;

/** Resolves when a provider has begun to answer; fails with an AppError if none does. */
export async function beginAnswer(parts: AnswerParts, request: AnswerRequest): Promise<Answer> {
  // A line of a batch is bought once: its answer is collected from the provider that was asked.
  const hedge = request.onSending === undefined ? createHedge() : null;
  const first = await searchWhileWaiting(parts, { ...request, hedge }, request.asked, null);
  const answer = new ContinuedAnswer(parts, { ...request, hedge }, first);
  return {
    jobId: first.purchase.jobId,
    sha256: first.candidate.model.sha256,
    why: first.candidate.why ?? null,
    next: () => answer.next(),
    earlier: () => answer.earlier(),
    conclude: (cause) => answer.conclude(cause),
  };
}

interface HedgedRequest extends AnswerRequest {
  /** Null for a line of a batch, which also isn't continued unless its provider paused. */
  readonly hedge: Hedge | null;
}

class ContinuedAnswer {
  readonly #parts: AnswerParts;
  readonly #request: HedgedRequest;
  /** Most output tokens of all parts. */
  readonly #maxTokens: number;
  readonly #progress = new AnswerProgress();
  /** Number of failures and pauses in this answer by peer. */
  readonly #failures = new Map<string, number>();
  #part: StartedResponse;
  #first: Batch | null;
  #silence: ReturnType<typeof createSilence>;
  #continuations = 0;

  constructor(parts: AnswerParts, request: HedgedRequest, start: StartedResponse) {
    this.#parts = parts;
    this.#request = request;
    this.#maxTokens = start.maxTokens;
    this.#part = start;
    this.#first = start.first;
    this.#silence = createSilence(parts.clock);
  }

  earlier(): Usage {
    return this.#progress.usage();
  }

  conclude(cause?: AppError): Promise<Job> {
    return this.#parts.search.conclude(this.#part.purchase, cause);
  }

  async next(): Promise<AnswerBatch> {
    if (this.#first) {
      const batch = this.#first;
      this.#first = null;
      return this.#add(batch);
    }
    const pending = this.#part.purchase.next();
    try {
      if (this.#mayReplace() && (await isLateAfter(this.#parts.clock, pending, this.#silence.limitMs())))
        return await this.#replace(pending);
      return this.#add(await pending);
    } catch (error) {
      if (!this.#mayContinue(error)) throw error;
      return this.#continueElsewhere(error);
    }
  }

  #add(batch: Batch): AnswerBatch {
    if (batch.pieces.length > 0) this.#silence.heard();
    return this.#progress.add(batch);
  }

  get #tokensLeft(): number {
    return this.#maxTokens - this.#progress.outputTokens;
  }

  #canContinue(): boolean {
    const { onPause, asked } = this.#request;
    const isAllowed = onPause.kind !== 'fail' && this.#continuations < CONTINUATIONS_MAX;
    return isAllowed && this.#progress.canContinue(asked);
  }

  /** True for a failure after which another provider may continue. A line of a batch may still be collected after others. */
  #mayContinue(error: unknown): error is AppError {
    if (this.#request.requester.aborted || !this.#canContinue()) return false;
    return (
      isAppError(error, 'paused') ||
      (this.#request.hedge !== null && isAppError(error, 'peer-unreachable', 'engine-failed'))
    );
  }

  #mayReplace(): boolean {
    return (
      this.#request.hedge !== null && this.#progress.isCounted && this.#tokensLeft > 0 && this.#canContinue()
    );
  }

  /** Asks another provider for the rest while this one is silent; the first one that delivers continues. */
  async #replace(pending: Promise<Batch>): Promise<AnswerBatch> {
    const { search } = this.#parts;
    const silent = this.#part;
    // Another one was asked before: this one counts as lost only where its connection does.
    if (!this.#request.hedge?.take()) return this.#add(await pending);
    const canceled = new AbortController();
    const found = search.findProvider({
      ...this.#request,
      asked: this.#progress.remainder(this.#request.asked, this.#tokensLeft),
      continuation: {
        jobId: silent.purchase.jobId,
        sha256: silent.candidate.model.sha256,
        without: new Set([...this.#failures.keys(), silent.candidate.peer]),
      },
      requester: AbortSignal.any([this.#request.requester, canceled.signal]),
      hedge: null,
    });
    const heard = pending.then(
      (batch) => ({ kind: 'heard', batch }) as const,
      (error: unknown) => ({ kind: 'lost', error }) as const,
    );
    const other = found.then(
      (part) => ({ kind: 'found', part }) as const,
      () => ({ kind: 'none' }) as const,
    );
    const first = await Promise.race([heard, other]);
    if (first.kind === 'heard') {
      canceled.abort();
      void other.then((end) =>
        end.kind === 'found' ? search.conclude(end.part.purchase, replaced()) : undefined,
      );
      this.#silence.wasFalse();
      return this.#add(first.batch);
    }
    const end = await other;
    // Nobody else has it: the silent one may still continue.
    if (end.kind === 'none') return this.#add(await pending);
    void search.conclude(silent.purchase, first.kind === 'lost' ? asFailure(first.error) : silentEnd());
    this.#progress.endPart(null);
    search.noteFailure(silent.candidate.peer);
    this.#noteFailure(silent.candidate.peer);
    return this.#goOn(end.part);
  }

  async #continueElsewhere(cause: AppError): Promise<AnswerBatch> {
    const { search, clock } = this.#parts;
    const { requester, asked } = this.#request;
    const ended = this.#part;
    const concluded = search.conclude(ended.purchase, cause);
    const isLate = this.#progress.isCounted && (await isLateAfter(clock, concluded, CONCLUDED_MS_MAX));
    const job = isLate ? null : await concluded;
    if (requester.aborted) throw requesterLeft();
    // Without a token count it is unknown how many of the requested tokens are left.
    if (!this.#progress.endPart(job)) throw cause;
    const tokensLeft = this.#tokensLeft;
    if (tokensLeft <= 0)
      return { pieces: [], end: { finishReasons: ['length'], usage: this.#progress.usage() } };
    const { peer, model } = ended.candidate;
    this.#noteFailure(peer);
    if (!isAppError(cause, 'paused')) search.noteFailure(peer);
    void search.refresh(peer);
    const known = { jobId: ended.purchase.jobId, sha256: model.sha256 };
    const failedTimes = (atLeast: number) =>
      new Set([...this.#failures].filter(([, times]) => times >= atLeast).map(([each]) => each));
    try {
      const next = await searchWhileWaiting(
        this.#parts,
        this.#request,
        this.#progress.remainder(asked, tokensLeft),
        {
          pausedPeer: peer,
          continuation: { ...known, without: failedTimes(1) },
          laterContinuation: { ...known, without: failedTimes(PAUSES_MAX) },
        },
      );
      return this.#goOn(next);
    } catch (error) {
      if (requester.aborted || !isAppError(error)) throw error;
      throw new AppError(cause.code, cause.message, { cause: error, details: cause.details });
    }
  }

  #noteFailure(peer: string): void {
    this.#failures.set(peer, (this.#failures.get(peer) ?? 0) + 1);
    this.#continuations += 1;
  }

  #goOn(part: StartedResponse): AnswerBatch {
    this.#part = part;
    this.#silence = createSilence(this.#parts.clock);
    return this.#add(part.first);
  }
}

/** The cause for ending the purchase from a provider that sends no more tokens: it is paid for what it did. */
function silentEnd(): AppError {
  return new AppError('aborted', 'The provider sent no more tokens.', { details: { reason: SILENT } });
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
  { onPause, ...request }: HedgedRequest,
  asked: AskedCompletion,
  resumption: Resumption | null,
): Promise<StartedResponse> {
  const { requester } = request;
  const endMs = clock.monotonic() + (onPause.kind === 'wait' ? onPause.waitMsMax : 0);
  let continuation = resumption?.continuation ?? fileOnly(request);
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

/** Limits the first search to the file that the request names, if it names one. */
function fileOnly({ sha256 }: Pick<AnswerRequest, 'sha256'>): Continuation | null {
  return sha256 === undefined ? null : { jobId: null, sha256, without: new Set() };
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

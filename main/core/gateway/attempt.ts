/** One attempt to buy an answer from one provider, up to its first piece, and what it teaches about the provider. */
import { answerTokensMax, promptBytes } from '../../../shared/asked.ts';
import { type AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Experience, Outcome } from '../reputation/index.ts';
import type { Candidate } from './choice.ts';
import type { PrefixHolders } from './prefix-holders.ts';
import { asFailure } from './provider-errors.ts';
import type { ProviderSearch, SearchRequest } from './provider-search.ts';
import { type Batch, type Purchase, type PurchaseContext, startPurchase } from './purchase.ts';
import { firstTokenLimitMs } from './watchdog.ts';

/** An answer that has begun: the first batch has arrived, so the provider works. */
export interface StartedResponse {
  readonly purchase: Purchase;
  readonly first: Batch;
  readonly candidate: Candidate;
  /** Maximum output tokens that were requested from this provider. */
  readonly maxTokens: number;
}

export interface RunningAttempt {
  readonly candidate: Candidate;
  /** Rejects with what made it fail, with the purchase concluded. */
  readonly started: Promise<StartedResponse>;
  /** Resolves to true when the first token is late, and to false when the attempt has ended before. */
  readonly isLate: Promise<boolean>;
  /** Ends the request to the provider. */
  cancel(): void;
}

export interface AttemptParts {
  readonly context: PurchaseContext;
  readonly holders: Pick<PrefixHolders, 'note'>;
  readonly experience: Experience;
  readonly conclude: ProviderSearch['conclude'];
}

/** `details.reason` of the cause of a purchase whose provider fell silent. */
export const SILENT = 'silent';

const BUSY_S = 5;
/** English text has about as many bytes per token; other languages have fewer, and are read sooner than expected. */
const BYTES_PER_TOKEN = 4;

export function openAttempt(
  parts: AttemptParts,
  candidate: Candidate,
  request: SearchRequest,
): RunningAttempt {
  const { clock } = parts.context;
  const { promise: isLate, resolve } = Promise.withResolvers<boolean>();
  const canceled = new AbortController();
  const requester = AbortSignal.any([request.requester, canceled.signal]);
  const known = parts.experience.of(candidate.peer, candidate.model.sha256);
  const inputTokens = promptBytes(request.asked) / BYTES_PER_TOKEN;
  const limitMs = firstTokenLimitMs(known, candidate.model, inputTokens);
  let timer: ReturnType<typeof clock.after> | null = null;
  const onSent = () => {
    timer = clock.after(limitMs, () => resolve(true));
  };
  const isCancelled = () => canceled.signal.aborted;
  const started = attempt(parts, candidate, { ...request, requester, onSent, isCancelled }).finally(() => {
    timer?.cancel();
    resolve(false);
  });
  // The search handles the failure; until then it must not count as unhandled.
  started.catch(() => undefined);
  return { candidate, started, isLate, cancel: () => canceled.abort() };
}

async function attempt(
  parts: AttemptParts,
  candidate: Candidate,
  request: SearchRequest & { readonly onSent: () => void; readonly isCancelled: () => boolean },
): Promise<StartedResponse> {
  const { context, holders, experience, conclude } = parts;
  const { asked, budget, requester, continuation, apiKey, onSending, opinionsFrom, isCancelled } = request;
  const { peer, model } = candidate;
  const { clock } = context;
  const maxTokens = answerTokensMax(asked, model.contextTokens);
  const leave = experience.begin(peer);
  let sentAtMs: number | null = null;
  const bought = await startPurchase(context, {
    candidate,
    asked: { ...asked, maxTokens },
    requester,
    budget,
    continues: continuation?.jobId ?? null,
    apiKey,
    onSending,
    opinionsFrom,
    onSent() {
      sentAtMs = clock.monotonic();
      request.onSent();
    },
  }).catch((error: unknown) => {
    leave();
    noteRefusal(experience, candidate, error);
    throw error;
  });
  const purchase = observed(experience, candidate, { bought, leave });
  const noteWait = () => {
    if (sentAtMs !== null) experience.noteFirstToken(peer, model.sha256, clock.monotonic() - sentAtMs);
  };
  try {
    let first = await purchase.next();
    while (first.pieces.length === 0 && !first.end) first = await purchase.next();
    noteWait();
    holders.note(asked, peer);
    return { purchase, first, candidate, maxTokens };
  } catch (error) {
    // One that was canceled because it was late takes at least as long.
    if (isCancelled()) noteWait();
    await conclude(purchase, asFailure(error));
    throw error;
  }
}

/** Returns the purchase; its end is noted as experience. */
function observed(
  experience: Experience,
  { peer, model }: Candidate,
  { bought, leave }: { readonly bought: Purchase; readonly leave: () => void },
): Purchase {
  let isNoted = false;
  return {
    ...bought,
    async conclude(cause) {
      const job = await bought.conclude(cause);
      if (!isNoted) {
        isNoted = true;
        leave();
        const outcome = outcomeOf(job, cause);
        if (outcome !== null) experience.noteEnd(peer, model.sha256, outcome);
      }
      return job;
    },
  };
}

/** Null if the end says nothing about the provider: its owner came back, or the requester left. */
function outcomeOf(job: Job, cause: AppError | undefined): Outcome | null {
  if (cause?.details.reason === SILENT) return { kind: 'failed' };
  if (job.state === 'charged') return { kind: 'delivered', tokensPerSecond: job.decodeTokensPerSecond };
  if (job.state !== 'failed' || job.error === 'paused') return null;
  return { kind: 'failed' };
}

function noteRefusal(experience: Experience, { peer, model }: Candidate, error: unknown): void {
  if (isAppError(error, 'busy')) {
    const { retryAfterS } = error.details;
    experience.noteBusy(peer, (typeof retryAfterS === 'number' ? retryAfterS : BUSY_S) * 1_000);
  } else if (isAppError(error, 'peer-unreachable', 'engine-failed')) {
    experience.noteEnd(peer, model.sha256, { kind: 'failed' });
  }
}

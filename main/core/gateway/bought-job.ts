/** The books of one job that we buy: what was asked of whom, and what it cost in the end. */
import type { AppError, ErrorCode } from '../../../shared/errors.ts';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { PaymentLease } from '../../ports/payments.ts';
import { newJobId } from '../jobs/index.ts';
import type { Candidate } from './choice.ts';

/** The steps of one purchase, each persisted. */
export interface Books {
  job(): Job;
  step(state: JobState, patch: Partial<Job>, note?: string): void;
  firstToken(): void;
  close(state: JobState, patch: Partial<Job>, note?: string): void;
}

/** Persists the purchase as `admitted`, before anything is sent. */
export function openBooks(
  { clock, jobs }: { readonly clock: Clock; readonly jobs: JobStore },
  candidate: Candidate,
  lease: Pick<PaymentLease, 'channelId'>,
  /** The job that is gone on with. */
  continues: string | null,
): Books {
  let job: Job = {
    id: newJobId(clock.now()),
    side: 'bought',
    state: 'admitted',
    model: candidate.model.id,
    peer: candidate.peer,
    payer: null,
    channelId: lease.channelId,
    createdAtMs: clock.now(),
    startedAtMs: null,
    firstTokenAtMs: null,
    endedAtMs: null,
    inputTokens: null,
    outputTokens: null,
    decodeTokensPerSecond: null,
    assetId: candidate.offer.asset.id,
    charged: null,
    cumulative: null,
    receipt: null,
    finishReason: null,
    error: null,
    continues,
    continuedBy: null,
  };
  let firstTokenAtMs: number | null = null;
  jobs.insert(job);
  jobs.appendEvent(job.id, { atMs: job.createdAtMs, state: 'admitted', note: null });
  function step(state: JobState, patch: Partial<Job>, note?: string): void {
    job = { ...job, ...patch, state };
    jobs.update(job.id, { ...patch, state });
    jobs.appendEvent(job.id, { atMs: clock.now(), state, note: note ?? null });
  }
  return {
    job: () => job,
    step,
    firstToken() {
      firstTokenAtMs = clock.now();
      // Only now it is sure who went on.
      if (continues !== null) jobs.update(continues, { continuedBy: job.id });
    },
    close(state, patch, note) {
      const endedAtMs = clock.now();
      const decodeMs = firstTokenAtMs === null ? 0 : endedAtMs - firstTokenAtMs;
      const counted = (patch.outputTokens ?? 0) - 1;
      const decodeTokensPerSecond = counted > 0 && decodeMs > 0 ? (counted * 1_000) / decodeMs : null;
      step(state, { ...patch, firstTokenAtMs, endedAtMs, decodeTokensPerSecond }, note);
    },
  };
}

/** How a purchase that did not succeed is called. */
export function endState(cause: AppError): JobState {
  return cause.code === 'aborted' ? 'aborted' : 'failed';
}

/** Leaving early is no error. */
export function errorOf(cause: AppError): ErrorCode | null {
  return cause.code === 'aborted' ? null : cause.code;
}

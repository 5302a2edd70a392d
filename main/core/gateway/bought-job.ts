/** The stored record of one purchase: provider and model when it begins, output and cost when it ends. */
import { writeChoice } from '../../../shared/choice-note.ts';
import type { AppError, ErrorCode } from '../../../shared/errors.ts';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Charge, PaymentLease } from '../../ports/payments.ts';
import { decodeSpeed, type JobRecord, recordJob } from '../jobs/index.ts';
import type { Candidate } from './choice.ts';

/** The steps of one purchase, each stored. */
export interface BoughtJob extends JobRecord {
  firstToken(): void;
  close(state: JobState, patch: Partial<Job>, note?: string): void;
  /** Records what the provider charged for a job that was closed without a receipt. */
  learnCharge(charge: Charge): void;
}

/** Stores the purchase as `admitted`, before anything is sent. */
export function recordPurchase(
  { clock, jobs }: { readonly clock: Clock; readonly jobs: JobStore },
  candidate: Candidate,
  lease: Pick<PaymentLease, 'channelId'>,
  { continues, apiKey }: Pick<Job, 'continues' | 'apiKey'>,
): BoughtJob {
  const record = recordJob(
    { clock, jobs },
    {
      side: 'bought',
      model: candidate.model.id,
      peer: candidate.peer,
      payer: null,
      channelId: lease.channelId,
      assetId: candidate.offer.asset.id,
      continues,
      apiKey,
    },
    candidate.why === undefined ? null : writeChoice(candidate.why),
  );
  let firstTokenAtMs: number | null = null;
  return {
    ...record,
    firstToken() {
      firstTokenAtMs = clock.now();
      // Only now is it certain which job continued the answer.
      if (continues !== null) jobs.update(continues, { continuedBy: record.job().id });
    },
    close(state, patch, note) {
      const endedAtMs = clock.now();
      const decodeMs = firstTokenAtMs === null ? 0 : endedAtMs - firstTokenAtMs;
      const decodeTokensPerSecond = decodeSpeed(patch.outputTokens ?? 0, decodeMs);
      record.step(state, { ...patch, firstTokenAtMs, endedAtMs, decodeTokensPerSecond }, note);
    },
    learnCharge({ charged, cumulative }) {
      const { state } = record.job();
      const money = { charged: charged.toString(), cumulative: cumulative.toString() };
      record.step(state, money, 'Charge learned from the provider after the connection ended');
    },
  };
}

/** The end state of a purchase that didn't succeed. */
export function endState(cause: AppError): JobState {
  return cause.code === 'aborted' ? 'aborted' : 'failed';
}

/** The error of a purchase that didn't succeed; null if the requester left, which is not an error. */
export function errorOf(cause: AppError): ErrorCode | null {
  return cause.code === 'aborted' ? null : cause.code;
}

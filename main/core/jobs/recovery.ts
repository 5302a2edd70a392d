/** Ends the jobs that a crash left unfinished: failed, or charged where the channel's records show the charge. */
import { isCustomerId } from '../../../shared/customers.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { Ledger } from '../ledger/index.ts';
import type { JobSteps } from './job-steps.ts';
import { UNFINISHED_STATES } from './states.ts';

/** The total ever charged on a channel; null when unknown. */
export type ChargedTotal = (channelId: string) => Amount | null;

export interface RecoveryParts {
  readonly records: Pick<JobRecords, 'find' | 'list'>;
  readonly steps: JobSteps;
  readonly ledger: Pick<Ledger, 'bookedOnChannel' | 'customerBalance'>;
  readonly clock: Clock;
  /** True while a customer's payment for this job is on its way, so that its balance isn't charged for it, too. */
  readonly isPaymentPending: (job: Pick<Job, 'id' | 'channelId'>) => boolean;
}

const BATCH = 200;

/** Returns the jobs that it ended. */
export function recoverJobs(parts: RecoveryParts, chargedTotal: ChargedTotal): readonly Job[] {
  const recovered: Job[] = [];
  for (;;) {
    const left = parts.records.list({ side: null, states: UNFINISHED_STATES, beforeMs: null, limit: BATCH });
    if (left.length === 0) return recovered;
    for (const job of left) recovered.push(recoverOne(parts, job, chargedTotal));
  }
}

/** Ends one job whose end the disk didn't take; null if it has ended. */
export function recoverIfOpen(parts: RecoveryParts, id: string, chargedTotal: ChargedTotal): Job | null {
  const job = parts.records.find(id);
  const isOpen = job !== null && UNFINISHED_STATES.includes(job.state);
  return isOpen ? recoverOne(parts, job, chargedTotal) : null;
}

function recoverOne(parts: Omit<RecoveryParts, 'records'>, job: Job, chargedTotal: ChargedTotal): Job {
  const atMs = parts.clock.now();
  const endedAtMs = job.endedAtMs ?? atMs;
  const cumulative = job.cumulative ?? cumulativeIfCharged(parts, job, chargedTotal);
  if (cumulative !== null) {
    const event = { atMs, state: 'charged', note: 'Recorded later' } as const;
    return parts.steps.write(job.id, {
      patch: { state: 'charged', endedAtMs, cumulative },
      events: [event],
    });
  }
  return parts.steps.write(job.id, {
    patch: { state: 'failed', endedAtMs, error: job.error ?? 'engine-failed' },
    events: [{ atMs, state: 'failed', note: 'The end of this job was not recorded' }],
  });
}

/**
 * The channel's cumulative amount, if the charge of this job came through. A channel's jobs are charged one after
 * another, so a charge that the ledger lacks belongs to this job.
 */
function cumulativeIfCharged(
  { ledger, isPaymentPending }: Pick<RecoveryParts, 'ledger' | 'isPaymentPending'>,
  job: Job,
  chargedTotal: ChargedTotal,
): string | null {
  const { side, state, channelId, charged } = job;
  if (side !== 'sold' || state !== 'delivered' || channelId === null || charged === null) return null;
  if (isCustomerId(channelId)) {
    // A balance has no records but the ledger: what was delivered is charged, unless it was to be paid afterwards.
    const isPaid = !isPaymentPending(job) && ledger.customerBalance(channelId) >= amount(charged);
    return isPaid ? (ledger.bookedOnChannel(side, channelId) + amount(charged)).toString() : null;
  }
  const total = chargedTotal(channelId);
  const isCharged = total !== null && ledger.bookedOnChannel(side, channelId) + amount(charged) === total;
  return isCharged ? total.toString() : null;
}

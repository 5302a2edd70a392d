/** Logs the acceptance and the end of each job, sold or bought, and sums up a run. */
import { z } from 'zod';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { Asset } from '../../../shared/money.ts';
import type { Log } from '../../ports/log.ts';
import { durationMs, moneyText, shortId } from './text.ts';

type Step = 'accepted' | 'ended';

/** Payout steps are logged by settlement, with their transactions. */
const STEP_OF: Readonly<Record<JobState, Step | 'payout'>> = {
  admitted: 'accepted',
  running: 'accepted',
  delivered: 'accepted',
  charged: 'ended',
  aborted: 'ended',
  failed: 'ended',
  refused: 'ended',
  claimed: 'payout',
  settled: 'payout',
};

/** Number of ended jobs that are remembered, so that a later change of one is not logged as a second end. */
const ENDED_MAX = 500;

/** Facts for a job's line beyond the job itself. */
export interface JobCircumstances {
  readonly asset: Asset;
  /** The note of the job's last step. */
  readonly noteOf: (job: Job) => string | null;
  /** The reason why this machine doesn't serve; null while it does. */
  readonly pausedFor: () => string | null;
  /** True from the moment a stop was requested. */
  readonly isStopping: () => boolean;
}

/** Fields about the jobs that ended in this run; what was bought only if anything was. */
export type JobSummary = Readonly<Record<string, number | string>>;

/** Logs each job that starts or ends during this run once. Jobs of earlier runs change only by their payout. */
export function logJobs(
  log: Log,
  jobs: { onChange(listener: (job: Job) => void): () => void },
  circumstances: JobCircumstances,
): { readonly end: () => void; readonly summary: () => JobSummary } {
  const accepted = new Set<string>();
  const ended = new Set<string>();
  const tallies = { sold: emptyTally(), bought: emptyTally() };
  const end = jobs.onChange((job) => {
    const { id } = job;
    const step = STEP_OF[job.state];
    if (step === 'accepted' && !accepted.has(id)) {
      accepted.add(id);
      log.info(...acceptedLine(job));
    }
    if (step !== 'ended' || ended.has(id)) return;
    if (!accepted.delete(id) && !endedUnaccepted(job)) return;
    ended.add(id);
    for (const oldest of ended) {
      if (ended.size <= ENDED_MAX) break;
      ended.delete(oldest);
    }
    count(tallies[job.side], job);
    const isFailure = job.state === 'failed' && !providerPaused(job) && !circumstances.isStopping();
    log[isFailure ? 'warn' : 'info'](...endedLine(job, circumstances));
  });
  return { end, summary: () => summaryOf(tallies, circumstances.asset) };
}

interface Tally {
  served: number;
  endedEarly: number;
  failed: number;
  amount: bigint;
}

function emptyTally(): Tally {
  return { served: 0, endedEarly: 0, failed: 0, amount: 0n };
}

function count(tally: Tally, job: Job): void {
  tally.amount += BigInt(job.charged ?? 0);
  if (job.state === 'charged') tally.served += 1;
  else if (job.state === 'aborted' || providerPaused(job)) tally.endedEarly += 1;
  else if (job.state === 'failed') tally.failed += 1;
}

function summaryOf(
  { sold, bought }: { readonly sold: Tally; readonly bought: Tally },
  asset: Asset,
): JobSummary {
  const { served, endedEarly, failed, amount } = sold;
  const hasBought = bought.served + bought.endedEarly + bought.failed > 0;
  return {
    ...{ served, endedEarly, failed, earned: moneyText(amount, asset) },
    ...(hasBought && {
      ...{ bought: bought.served, boughtEndedEarly: bought.endedEarly, boughtFailed: bought.failed },
      spent: moneyText(bought.amount, asset),
    }),
  };
}

/** A job that ended before it was accepted has no charge, so that no payout changes it later. */
function endedUnaccepted({ state, charged }: Job): boolean {
  return (state === 'refused' || state === 'failed') && charged === null;
}

function identity(job: Job): Record<string, unknown> {
  const peer = shortId(job.peer);
  return {
    job: shortId(job.id),
    model: job.model,
    ...(job.side === 'sold' ? { requester: peer } : { provider: peer }),
  };
}

function acceptedLine(job: Job): [string, Record<string, unknown>] {
  const fields = {
    ...identity(job),
    ...(job.channelId !== null && { channel: shortId(job.channelId) }),
    ...(job.continues !== null && { continues: shortId(job.continues) }),
  };
  return [job.side === 'sold' ? 'Job accepted' : 'Request sent to a provider', fields];
}

function endedLine(job: Job, circumstances: JobCircumstances): [string, Record<string, unknown>] {
  const { createdAtMs, firstTokenAtMs, endedAtMs, inputTokens, outputTokens, decodeTokensPerSecond } = job;
  const speed = decodeTokensPerSecond === null ? null : Math.round(decodeTokensPerSecond * 10) / 10;
  const reason = endReason(job, circumstances);
  const providerJob = providerJobOf(job);
  const fields = {
    ...identity(job),
    ...(providerJob !== null && { providerJob: shortId(providerJob) }),
    ...(reason !== null && { reason }),
    inputTokens,
    outputTokens,
    charge: job.charged === null ? 'nothing' : moneyText(job.charged, circumstances.asset),
    firstTokenMs: durationMs(createdAtMs, firstTokenAtMs),
    totalMs: durationMs(createdAtMs, endedAtMs),
    tokensPerSecond: speed,
  };
  return [endedMessage(job), fields];
}

function endReason(job: Job, { noteOf, pausedFor, isStopping }: JobCircumstances): string | null {
  if (job.error !== null || job.state !== 'aborted') return job.error;
  if (isStopping()) return 'Idlewatt is stopping';
  if (job.side === 'bought') return 'the client disconnected';
  if (noteOf(job) === 'by requester') return 'the requester disconnected';
  const paused = pausedFor();
  return paused === null ? 'the model was unloaded' : `this machine paused (${paused})`;
}

const receiptSchema = z.object({ job: z.string() });

/** The provider's own ID of a bought job, from its verified receipt, so that both logs can be matched. */
function providerJobOf({ side, receipt }: Job): string | null {
  const payload = side === 'bought' ? receipt?.split('.')[1] : undefined;
  if (payload === undefined) return null;
  try {
    const parsed = receiptSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    return parsed.success ? parsed.data.job : null;
  } catch {
    // A line without the provider's ID is better than none.
    return null;
  }
}

/** The provider's owner came back: the answer may continue elsewhere, and nothing failed here. */
function providerPaused({ side, error }: Job): boolean {
  return side === 'bought' && error === 'paused';
}

function endedMessage(job: Job): string {
  const { side, state } = job;
  const subject = side === 'sold' ? 'Job' : 'Bought response';
  if (state === 'charged') return side === 'sold' ? 'Job served' : 'Response bought';
  if (state === 'aborted' || providerPaused(job)) return `${subject} ended early`;
  return `${subject} ${state}`;
}

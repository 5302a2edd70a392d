/** Logs the acceptance and the end of each job, sold or bought. */
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

/** Logs each job that starts or ends during this run once. Jobs of earlier runs change only by their payout. */
export function logJobs(
  log: Log,
  jobs: { onChange(listener: (job: Job) => void): () => void },
  asset: Asset,
): () => void {
  const accepted = new Set<string>();
  const ended = new Set<string>();
  return jobs.onChange((job) => {
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
    log.info(...endedLine(job, asset));
  });
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

function endedLine(job: Job, asset: Asset): [string, Record<string, unknown>] {
  const { createdAtMs, firstTokenAtMs, endedAtMs, inputTokens, outputTokens, decodeTokensPerSecond } = job;
  const speed = decodeTokensPerSecond === null ? null : Math.round(decodeTokensPerSecond * 10) / 10;
  const fields = {
    ...identity(job),
    ...(job.error !== null && { reason: job.error }),
    inputTokens,
    outputTokens,
    charge: job.charged === null ? 'nothing' : moneyText(job.charged, asset),
    firstTokenMs: durationMs(createdAtMs, firstTokenAtMs),
    totalMs: durationMs(createdAtMs, endedAtMs),
    tokensPerSecond: speed,
  };
  return [endedMessage(job), fields];
}

function endedMessage({ side, state }: Job): string {
  const subject = side === 'sold' ? 'Job' : 'Bought response';
  if (state === 'charged') return side === 'sold' ? 'Job served' : 'Response bought';
  if (state === 'aborted') return `${subject} ended early`;
  return `${subject} ${state}`;
}

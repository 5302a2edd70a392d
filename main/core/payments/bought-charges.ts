/** Records in jobs and ledger what providers charged on channels that this machine pays from. */
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Ledger } from '../ledger/index.ts';

export interface BoughtCharges {
  /**
   * Records up to `total`, everything a channel was ever charged: a lost response was charged too. Returns what the
   * ledger lacked.
   */
  record(channelId: string, total: Amount): Amount;
  /**
   * Records like {@link BoughtCharges.record} what no purchase of this run accounts for. It is the charge of the last job
   * on the channel that has ended without one: a channel is used again only when its last charge is known. `isLatest`: the
   * provider has proven it just now, so that the job has cost nothing if the ledger lacks nothing.
   */
  learn(channelId: string, total: Amount, isLatest: boolean): Amount;
}

/** Ended jobs among which the last one of a channel is looked for; beyond them, only the ledger has the charge. */
const JOBS_MAX = 200;

export function createBoughtCharges(parts: {
  readonly ledger: Pick<Ledger, 'bookedOnChannel' | 'recoverCharges'>;
  readonly jobs: Pick<Jobs, 'list' | 'update'>;
  readonly clock: Clock;
  readonly assetId: string;
  /** True if the channel pays a relay. Default: none does. */
  readonly isOfRelay?: (channelId: string) => boolean;
  /** Called after the ledger may have changed. */
  readonly changed: () => void;
}): BoughtCharges {
  const { ledger, jobs, clock, assetId, changed, isOfRelay = () => false } = parts;
  const lacking = (channelId: string, total: Amount) => total - ledger.bookedOnChannel('bought', channelId);

  function record(channelId: string, total: Amount): Amount {
    // A provider that lost a charge reports a lower total; what is recorded stays recorded.
    const lacked = lacking(channelId, total);
    if (lacked < 0n) return ZERO;
    const purpose = isOfRelay(channelId) ? 'relaying' : 'jobs';
    ledger.recoverCharges({ side: 'bought', channelId, assetId, total, purpose });
    changed();
    return amount(lacked);
  }

  function lastUncharged(channelId: string): Job | null {
    const ended = jobs.list({ side: 'bought', outcome: 'failed', limit: JOBS_MAX }).jobs;
    const isIts = (job: Job) =>
      job.channelId === channelId && job.charged === null && job.state !== 'refused';
    return ended.find(isIts) ?? null;
  }

  return {
    record,
    learn(channelId, total, isLatest) {
      const lacked = lacking(channelId, total);
      const job = lacked > 0n || (isLatest && lacked === 0n) ? lastUncharged(channelId) : null;
      if (job === null) return record(channelId, total);
      jobs.update(
        job.id,
        { charged: lacked.toString(), cumulative: total.toString() },
        { atMs: clock.now(), state: job.state, note: 'Charge learned from the provider after a restart' },
      );
      changed();
      return amount(lacked);
    },
  };
}

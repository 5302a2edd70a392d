/**
 * Folds old jobs into daily sums after the time that the owner set: in small batches while no job is running, so that
 * the database stops growing and nobody waits.
 */
import type { Clock, Timer } from '../../ports/clock.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { Log } from '../../ports/log.ts';

const CHECK_MS = 10 * 60_000;
/** A batch takes a few milliseconds of the agent's only thread. */
const BATCH_JOBS = 100;
const PAUSE_MS = 100;
const DAY_MS = 86_400_000;

export interface FoldingParts {
  readonly records: Pick<JobRecords, 'fold' | 'bounds'>;
  readonly clock: Clock;
  /** Days for which a job's details are stored; null: forever. */
  readonly days: () => number | null;
  readonly log: Log;
}

export interface Folding {
  stop(): void;
}

export function createFolding({ records, clock, days, log }: FoldingParts): Folding {
  let next: Timer | null = null;
  let folded = 0;

  /** Returns the time before which jobs are old; null while none may be folded. */
  function oldBeforeMs(): number | null {
    const kept = days();
    if (kept === null) return null;
    const bounds = [records.bounds('sold'), records.bounds('bought')];
    if (bounds.some(({ oldestUnfinishedMs }) => oldestUnfinishedMs !== null)) return null;
    // By a clock that was set forward, every job would be old.
    const newestMs = Math.max(...bounds.map((side) => side.newestMs ?? 0));
    return Math.min(clock.now(), newestMs + DAY_MS) - kept * DAY_MS;
  }

  function step(): void {
    next = null;
    const beforeMs = oldBeforeMs();
    const jobs = beforeMs === null ? 0 : records.fold(beforeMs, BATCH_JOBS);
    folded += jobs;
    if (jobs === BATCH_JOBS) next = clock.after(PAUSE_MS, step);
    else if (folded > 0) {
      log.info('Old jobs were folded into daily sums', { jobs: folded });
      folded = 0;
    }
  }

  const timer = clock.every(CHECK_MS, () => {
    if (next === null) step();
  });
  return {
    stop() {
      timer.cancel();
      next?.cancel();
    },
  };
}

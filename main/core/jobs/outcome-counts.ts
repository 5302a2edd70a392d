/**
 * Counts the jobs of a day by their outcome. A job that has ended keeps its outcome, so what was counted once isn't
 * counted again: a page that shows today's jobs costs the same on a busy day as on a quiet one.
 */
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import { FAILED_STATES, SERVED_STATES } from './states.ts';

/** Jobs younger than this are counted each time: their last step may still be undone by a disk that takes nothing. */
const RECENT_MS = 60_000;

export interface OutcomeCounts {
  readonly served: number;
  readonly failed: number;
}

export interface OutcomeCounter {
  count(side: Job['side'], fromMs: number, toMs: number): OutcomeCounts;
  /** Call it before a job is inserted. */
  inserted(job: Job): void;
}

interface Counted extends OutcomeCounts {
  readonly side: Job['side'];
  readonly fromMs: number;
  /** Exclusive: everything before it is counted, and has ended. */
  readonly toMs: number;
}

export function createOutcomeCounter(records: Pick<JobRecords, 'count' | 'bounds'>): OutcomeCounter {
  let counted: Counted | null = null;

  const countStates = (states: readonly JobState[], side: Job['side'], fromMs: number, toMs: number) =>
    fromMs < toMs ? records.count({ side, states, fromMs, toMs }) : 0;
  const both = (side: Job['side'], fromMs: number, toMs: number): OutcomeCounts => ({
    served: countStates(SERVED_STATES, side, fromMs, toMs),
    failed: countStates(FAILED_STATES, side, fromMs, toMs),
  });
  const sum = (left: OutcomeCounts, right: OutcomeCounts): OutcomeCounts => ({
    served: left.served + right.served,
    failed: left.failed + right.failed,
  });

  return {
    count(side, fromMs, toMs) {
      const { newestMs, oldestUnfinishedMs } = records.bounds(side);
      const endedToMs = Math.min(toMs, (newestMs ?? 0) - RECENT_MS, oldestUnfinishedMs ?? toMs);
      let before = counted;
      if (before === null || before.side !== side || before.fromMs !== fromMs || before.toMs > endedToMs) {
        before = { side, fromMs, toMs: fromMs, served: 0, failed: 0 };
      }
      if (endedToMs > before.toMs) {
        const more = both(side, before.toMs, endedToMs);
        before = { side, fromMs, toMs: endedToMs, ...sum(before, more) };
      }
      counted = before;
      return sum(before, both(side, before.toMs, toMs));
    },
    inserted(job) {
      // The clock was set back.
      if (counted !== null && job.createdAtMs < counted.toMs) counted = null;
    },
  };
}

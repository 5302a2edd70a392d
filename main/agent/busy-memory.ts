/**
 * Gives the agent more memory while it sells or buys many jobs per second: with the small heap that suits an idle agent
 * (memory.ts), half of its CPU time would go into collecting garbage.
 */
import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** Interval at which the load is judged, in milliseconds. */
const JUDGED_EVERY_MS = 5_000;
/** Steps of jobs per second above which the agent is busy, and below which it isn't any more. A job has about four. */
const STEPS_PER_SECOND = { busyAbove: 20, idleBelow: 4 } as const;

export interface BusyMemoryParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly jobs: { onChange(listener: () => void): () => void };
  /** Sets a flag of V8; for tests. */
  readonly setFlag?: (flag: string) => void;
}

/** Returns the function that ends it. */
export function watchLoad({ clock, log, jobs, setFlag = setFlagsFromString }: BusyMemoryParts): () => void {
  let steps = 0;
  let isBusy = false;
  const ignoreJobs = jobs.onChange(() => {
    steps += 1;
  });
  const timer = clock.every(JUDGED_EVERY_MS, () => {
    const perSecond = (steps * 1_000) / JUDGED_EVERY_MS;
    steps = 0;
    const wasBusy = isBusy;
    if (perSecond > STEPS_PER_SECOND.busyAbove) isBusy = true;
    if (perSecond < STEPS_PER_SECOND.idleBelow) isBusy = false;
    if (isBusy === wasBusy) return;
    setFlag(isBusy ? '--no-optimize-for-size' : '--optimize-for-size');
    log.info(isBusy ? 'Uses more memory while there are many jobs' : 'Uses less memory again', { perSecond });
  });
  return () => {
    timer.cancel();
    ignoreJobs();
  };
}

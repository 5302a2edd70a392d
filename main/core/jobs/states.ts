/** The state machine of a job: which state may follow which, and what the ends mean. */
import type { JobState } from '../../../shared/jobs.ts';

/**
 * For each state those that may follow it. A state may also be set again to itself. Who buys learns of
 * delivery and charge at once, so `delivered` may be passed over.
 */
export const NEXT_STATES: Readonly<Record<JobState, readonly JobState[]>> = {
  admitted: ['running', 'aborted', 'failed', 'refused'],
  running: ['delivered', 'charged', 'aborted', 'failed'],
  delivered: ['charged', 'aborted', 'failed'],
  charged: ['claimed'],
  claimed: ['settled'],
  settled: [],
  aborted: [],
  failed: [],
  refused: [],
};

/** How a job may come into the books. */
export const FIRST_STATES: readonly JobState[] = ['admitted', 'refused', 'failed'];

/** Left over by a crash: nobody works on them any more. */
export const UNFINISHED_STATES: readonly JobState[] = ['admitted', 'running', 'delivered'];

/** Served to the end and charged. */
export const SERVED_STATES: readonly JobState[] = ['charged', 'claimed', 'settled'];

/** Ended otherwise; what was delivered may still have been charged. */
export const FAILED_STATES: readonly JobState[] = ['failed', 'aborted', 'refused'];

export function mayFollow(from: JobState, to: JobState): boolean {
  return from === to || NEXT_STATES[from].includes(to);
}

/** The state machine of a job: allowed transitions, and the groups that states belong to. */
import type { JobState } from '../../../shared/jobs.ts';

/**
 * For each state, the states that may follow it. A state may also be set again to itself. A buyer learns of
 * delivery and charge at the same time, so `delivered` may be skipped.
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

/** States in which a job may be inserted. */
export const FIRST_STATES: readonly JobState[] = ['admitted', 'refused', 'failed'];

/** States of jobs in progress. At start, jobs in one of them are left over from a crash. */
export const UNFINISHED_STATES: readonly JobState[] = ['admitted', 'running', 'delivered'];

/** Served to the end and charged. */
export const SERVED_STATES: readonly JobState[] = ['charged', 'claimed', 'settled'];

/** Ended in another way; the output that was delivered may still have been charged. */
export const FAILED_STATES: readonly JobState[] = ['failed', 'aborted', 'refused'];

export function mayFollow(from: JobState, to: JobState): boolean {
  return from === to || NEXT_STATES[from].includes(to);
}

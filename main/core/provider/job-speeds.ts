/**
 * Records how fast the tokens of each recent job were generated over its time. In memory only, for the last jobs: a
 * bounded number of counts each, so that no job takes more space on the disk.
 */
import type { Clock } from '../../ports/clock.ts';

/** Tokens per second in equal steps of time; the last step may be longer or shorter by up to half. */
export interface SpeedCurve {
  /** From the first tokens to the last ones. */
  readonly durationMs: number;
  readonly stepMs: number;
  readonly tokensPerSecond: readonly number[];
}

export interface JobSpeeds {
  /** Counts tokens that the engine has just generated for a job. */
  generated(jobId: string, tokens: number): void;
  /** Null for a job of an earlier run, for one that is long ago, and for one with too few tokens to measure. */
  of(jobId: string): SpeedCurve | null;
}

/** Jobs that stay in memory; each takes about half a kilobyte. */
export const JOBS_KEPT = 200;
const STEPS_MAX = 40;
const FIRST_STEP_MS = 250;
/** On average over the steps of a curve: with fewer, it would show single tokens instead of a speed. */
const TOKENS_PER_STEP_MIN = 4;

interface Steps {
  readonly stepMs: number;
  /** Tokens by step. Those that came first are left out: their time began before the first of them was seen. */
  readonly counts: number[];
}

interface Counted {
  readonly startMs: number;
  endMs: number;
  steps: Steps;
}

export function createJobSpeeds(clock: Pick<Clock, 'monotonic'>): JobSpeeds {
  const jobs = new Map<string, Counted>();
  return {
    generated(jobId, tokens) {
      if (tokens === 0) return;
      const nowMs = clock.monotonic();
      const counted = jobs.get(jobId);
      if (counted !== undefined) {
        count(counted, tokens, nowMs);
        return;
      }
      jobs.set(jobId, { startMs: nowMs, endMs: nowMs, steps: { stepMs: FIRST_STEP_MS, counts: [] } });
      const oldest = jobs.keys().next().value;
      if (jobs.size > JOBS_KEPT && oldest !== undefined) jobs.delete(oldest);
    },
    of(jobId) {
      const counted = jobs.get(jobId);
      return counted === undefined ? null : curveOf(counted);
    },
  };
}

function count(counted: Counted, tokens: number, nowMs: number): void {
  const passedMs = nowMs - counted.startMs;
  while (passedMs >= counted.steps.stepMs * STEPS_MAX) counted.steps = folded(counted.steps);
  const { stepMs, counts } = counted.steps;
  const step = Math.floor(passedMs / stepMs);
  while (counts.length <= step) counts.push(0);
  counts[step] = (counts[step] ?? 0) + tokens;
  counted.endMs = nowMs;
}

/** Makes the steps twice as long. */
function folded({ stepMs, counts }: Steps): Steps {
  const pairs = Array.from({ length: Math.ceil(counts.length / 2) }, (_, step) => step * 2);
  return {
    stepMs: stepMs * 2,
    counts: pairs.map((step) => (counts[step] ?? 0) + (counts[step + 1] ?? 0)),
  };
}

function curveOf({ startMs, endMs, steps }: Counted): SpeedCurve | null {
  const durationMs = endMs - startMs;
  if (durationMs <= 0) return null;
  const total = steps.counts.reduce((sum, each) => sum + each, 0);
  let shown = steps;
  while (shown.counts.length > 1 && total / shown.counts.length < TOKENS_PER_STEP_MIN) shown = folded(shown);
  const { stepMs, counts } = shown;
  // The rest of the time is a step of its own from half a step on, else part of the last whole one.
  const length = Math.max(1, Math.round(durationMs / stepMs));
  const tokensPerSecond = Array.from({ length }, (_, step) => {
    const isLast = step === length - 1;
    const tokens = counts.slice(step, isLast ? undefined : step + 1).reduce((sum, each) => sum + each, 0);
    return (tokens * 1_000) / (isLast ? durationMs - step * stepMs : stepMs);
  });
  return { durationMs, stepMs, tokensPerSecond };
}

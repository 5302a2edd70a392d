/**
 * Finds the number of threads that decodes fastest, by timing the steps that are computed anyway. More threads than the
 * memory can feed only wait for each other, and what is best changes with the number of answers in a step and with the
 * load of other programs. Prompts always use all threads that are allowed: reading them is limited by computing.
 */

export interface ThreadTuner {
  /** Returns the threads for a step that decodes one token of each of this many answers. */
  next(answers: number): number;
  /** Reports how long that step took. */
  report(durationMs: number): void;
}

/** Steps from which a duration is taken, as their median: one alone may have been disturbed. */
const SAMPLES = 3;
/** Steps before another number is tried. When none of the others was better, it grows by the factor, up to the maximum. */
const TRIAL_AFTER_STEPS = 16;
const TRIAL_AFTER_STEPS_MAX = 4_096;
const TRIAL_AFTER_FACTOR = 4;
/** A trial must be faster by this factor to be taken over. */
const FASTER = 0.95;
/** A single step that is slower by this factor ends a trial. */
const MUCH_SLOWER = 2;
/** A change of the usual duration by this factor means other conditions: other numbers are tried soon. */
const CHANGED = 1.5;

/** `threadsMax` are allowed. Starts with all of them. */
export function createThreadTuner(threadsMax: number): ThreadTuner {
  const candidates = halvesOf(threadsMax);
  const searches = new Map<number, Search>();
  let last: Search | null = null;
  return {
    next(answers) {
      // Steps of similar size behave alike.
      const size = Math.floor(Math.log2(answers));
      const search = searches.get(size) ?? createSearch(candidates);
      searches.set(size, search);
      last = search;
      return search.next();
    },
    report: (durationMs) => last?.report(durationMs),
  };
}

/** Returns the number, its half, its quarter and so on, down to 1. */
function halvesOf(threads: number): readonly number[] {
  const halves = [threads];
  for (let half = Math.floor(threads / 2); half >= 1; half = Math.floor(half / 2)) halves.push(half);
  return halves;
}

interface Search {
  next(): number;
  report(durationMs: number): void;
}

function createSearch(candidates: readonly number[]): Search {
  let current = 0;
  let trial: { readonly index: number; readonly durations: number[] } | null = null;
  /** Of the current number, the newest last. */
  let durations: number[] = [];
  let usualMs: number | null = null;
  let steps = 0;
  let trialAfterSteps = TRIAL_AFTER_STEPS;
  /** Numbers that weren't better than the current one, since it became that or conditions changed. */
  let lost = 0;

  function settle(isBetter: boolean): void {
    if (trial === null) return;
    if (isBetter) {
      current = trial.index;
      durations = trial.durations;
      trialAfterSteps = TRIAL_AFTER_STEPS;
      lost = 0;
    } else {
      lost += 1;
      if (lost % (candidates.length - 1) === 0)
        trialAfterSteps = Math.min(TRIAL_AFTER_STEPS_MAX, trialAfterSteps * TRIAL_AFTER_FACTOR);
    }
    usualMs = middle(durations);
    trial = null;
    steps = 0;
  }

  function reportTrial(durationMs: number, found: number[]): void {
    found.push(durationMs);
    const beforeMs = middle(durations);
    if (durationMs > beforeMs * MUCH_SLOWER) settle(false);
    else if (found.length === SAMPLES) settle(middle(found) < beforeMs * FASTER);
  }

  return {
    next() {
      if (trial === null && steps >= trialAfterSteps && candidates.length > 1) {
        // Not only the next larger or smaller one: with one core taken away, 4 and 2 threads may be equally slow.
        const others = candidates.length - 1;
        trial = { index: (current + 1 + (lost % others)) % candidates.length, durations: [] };
      }
      return candidates[trial?.index ?? current] ?? 1;
    },
    report(durationMs) {
      if (trial !== null) {
        reportTrial(durationMs, trial.durations);
        return;
      }
      durations = [...durations, durationMs].slice(-SAMPLES);
      steps += 1;
      if (durations.length < SAMPLES) return;
      const nowMs = middle(durations);
      usualMs ??= nowMs;
      if (nowMs <= usualMs * CHANGED && nowMs >= usualMs / CHANGED) return;
      usualMs = nowMs;
      trialAfterSteps = TRIAL_AFTER_STEPS;
      lost = 0;
    },
  };
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

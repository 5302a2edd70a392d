/** Result of a benchmark. All benchmarks share it, so that runs can be compared by name for years. */

/** Options of the command that a benchmark may use. */
export interface BenchOptions {
  /** Number of jobs; the benchmark's own if absent. */
  readonly jobs?: number;
  /** Data folder that a run fills and the next ones use again. */
  readonly home?: string;
  /** Number of lines of a batch, and of kills while it runs. */
  readonly lines?: number;
  readonly kills?: number;
}

export interface BenchGoal {
  readonly goal: number;
  readonly met: boolean;
}

export interface BenchResult {
  /** Names end with their unit. A figure that could not be measured is absent, never 0. */
  readonly figures: Readonly<Record<string, number>>;
  /** By the name of the figure that they apply to. */
  readonly goals: Readonly<Record<string, BenchGoal>>;
  /** Conditions of the measurement, and what could not be measured. */
  readonly notes: readonly string[];
}

export const atLeast = (value: number, goal: number): BenchGoal => ({ goal, met: value >= goal });
export const atMost = (value: number, goal: number): BenchGoal => ({ goal, met: value <= goal });

/** Prints progress to standard error; standard output is for the result. */
export function progress(text: string): void {
  console.error(text);
}

/** The shape of every benchmark's result, so that runs can be compared by name for years. */

export interface BenchGoal {
  readonly goal: number;
  readonly met: boolean;
}

export interface BenchResult {
  /** Names carry their unit last; a figure that could not be measured is absent, never 0. */
  readonly figures: Readonly<Record<string, number>>;
  /** By the name of the figure that they judge. */
  readonly goals: Readonly<Record<string, BenchGoal>>;
  /** For people: what was measured on, what could not be. */
  readonly notes: readonly string[];
}

export const atLeast = (value: number, goal: number): BenchGoal => ({ goal, met: value >= goal });
export const atMost = (value: number, goal: number): BenchGoal => ({ goal, met: value <= goal });

/** Progress for people; standard output stays free for the result. */
export function say(text: string): void {
  console.error(text);
}

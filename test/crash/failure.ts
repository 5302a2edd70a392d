/** The failure of a crash run. */
import { describe, type Kill } from './plan.ts';

/** An invariant was violated; the data folder remains. */
export class CrashFailure extends Error {
  readonly kill: Kill | null;
  readonly breaches: readonly string[];
  constructor(kill: Kill | null, breaches: readonly string[]) {
    super(`${kill === null ? 'at the end' : `after ${describe(kill)}`}:\n  ${breaches.join('\n  ')}`);
    this.name = 'CrashFailure';
    this.kill = kill;
    this.breaches = breaches;
  }
}

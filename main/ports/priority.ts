/** Lowers the priority of a process, so that what computes for longer takes no time from serving or from the owner. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** `background` yields to everything else that Idlewatt does; `lowest` also yields to every other program. */
export type LoweredPriority = 'background' | 'lowest';

const LEVELS: Readonly<Record<LoweredPriority, number>> = {
  background: constants.priority.PRIORITY_BELOW_NORMAL,
  lowest: constants.priority.PRIORITY_LOW,
};

/** Sets the priority of every thread: Linux has one per thread, and Node has already started some. */
export function lowerPriority(to: LoweredPriority): void {
  setPriority(LEVELS[to]);
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), LEVELS[to]);
}

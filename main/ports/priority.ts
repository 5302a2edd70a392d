/** Lowers the priority of a process, so that what computes for longer takes no time from serving or from the owner. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Sets the lowest priority, which yields to every other program, for every thread: Linux has one per thread, and Node has
 * already started some.
 */
export function lowerPriority(): void {
  const lowest = constants.priority.PRIORITY_LOW;
  setPriority(lowest);
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), lowest);
}

/** The same for a process that was just started: before it has loaded its code. It must call {@link lowerPriority}, too. */
export function lowerPriorityOf(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended.
  }
}

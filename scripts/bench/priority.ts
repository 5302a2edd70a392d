/** Raises engines, which start at the lowest priority, to the one of the benchmark. */
import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Gives the priority of this command to every thread of these processes, if it is a raised one. Returns a note. */
export function raisePriority(pids: readonly number[]): string {
  const own = getPriority();
  if (own >= 0) return 'engines at the lowest priority';
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), own);
  return `everything at priority ${own}`;
}

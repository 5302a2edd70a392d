/** Reads the memory and CPU time of processes from Linux's /proc, with what they share divided among them. */
import { readdirSync, readFileSync } from 'node:fs';
import { processorTicks, TICKS_PER_SECOND } from './process-cost.ts';

/** A process and its command line. */
export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Returns the process and all its descendants. */
export function processTree(root: number): FoundProcess[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(Number(name)) ?? []);
  const found = all.filter(({ pid }) => pid === root);
  for (const parent of found) found.push(...all.filter((each) => each.parent === parent.pid));
  return found;
}

/** Null for a process that ended meanwhile. */
function read(pid: number): FoundProcess | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent, command };
  } catch {
    return null;
  }
}

/** Proportional set size: shared pages count by their part. */
export function proportionalMegabytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kibibytes = Number(
      /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1],
    );
    return sum + (kibibytes * 1024) / 1e6;
  }, 0);
}

/** CPU time of all threads of these processes so far, in seconds. */
export async function processorSeconds(pids: readonly number[]): Promise<number> {
  const ticks = await Promise.all(pids.map(processorTicks));
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

/** Measures memory and CPU time of an idle process, from Linux's /proc. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Kernel ticks per second; 100 on every Linux that Node supports. */
export const TICKS_PER_SECOND = 100;

export interface ProcessCost {
  readonly residentMegabytes: number;
  readonly corePercent: number;
}

/** Returns the mean over the given time; null without /proc. */
export async function measureProcess(pid: number, overMs: number): Promise<ProcessCost | null> {
  if (process.platform !== 'linux') return null;
  const startTicks = await processorTicks(pid);
  const startMs = performance.now();
  await sleep(overMs);
  const ticks = (await processorTicks(pid)) - startTicks;
  const seconds = (performance.now() - startMs) / 1000;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return {
    residentMegabytes: (kibibytes * 1024) / 1e6,
    corePercent: (100 * ticks) / TICKS_PER_SECOND / seconds,
  };
}

/** Returns user and system time of all threads, without children. */
export async function processorTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses and may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

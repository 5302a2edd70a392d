/** Meters that compare two system counters: CPU load and CPU power draw. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { positive } from './facts.ts';

/** The CPU's energy counter on Linux; on newer kernels only root can read it. */
const ENERGY_FILE = '/sys/class/powercap/intel-rapl:0/energy_uj';

/** Measures the load of all cores since the previous call; null at the first call and if no time has passed. */
export function createLoadMeter(): () => number | null {
  let before = coreTimes();
  return () => {
    const after = coreTimes();
    const total = after.total - before.total;
    const idle = after.idle - before.idle;
    if (total <= 0) return null;
    before = after;
    return Math.min(100, Math.max(0, (100 * (total - idle)) / total));
  };
}

function coreTimes(): { total: number; idle: number } {
  let total = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    total += times.user + times.nice + times.sys + times.idle + times.irq;
    idle += times.idle;
  }
  return { total, idle };
}

/** Measures the CPU's average power draw in watts since the previous call; null at the first call, if unreadable, or on overflow. */
export function createEnergyMeter(now: () => number): () => Promise<number | null> {
  let before: { microjoules: number; atMs: number } | null = null;
  let isReadable = true;
  return async () => {
    if (!isReadable) return null;
    const content = await readFile(ENERGY_FILE, 'utf8').catch(() => null);
    const microjoules = content === null ? null : positive(Number(content));
    if (microjoules === null) {
      isReadable = false;
      return null;
    }
    const earlier = before;
    before = { microjoules, atMs: now() };
    if (earlier === null || microjoules < earlier.microjoules || before.atMs <= earlier.atMs) return null;
    return (microjoules - earlier.microjoules) / 1000 / (before.atMs - earlier.atMs);
  };
}

/**
 * Sensor for the CPU load by other programs. Work at a lowered priority doesn't count, because it isn't urgent for
 * anyone: our engine computes at the lowest priority, and the system counts that time separately.
 */
import { cpus } from 'node:os';
import type { Sensor } from '../../ports/sensors.ts';

/** Milliseconds since an arbitrary moment, over all cores. */
export interface ProcessorTimes {
  readonly totalMs: number;
  /** Used at normal priority, by all processes. */
  readonly busyMs: number;
  /** Part of it that this process used. */
  readonly ownMs: number;
}

export interface OtherLoadOptions {
  readonly times?: () => ProcessorTimes;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly platform?: NodeJS.Platform;
  /**
   * True while an engine server on this machine computes for Idlewatt, at its own priority: the load by others is unknown
   * then. Default: never.
   */
  readonly mayBeOurs?: () => boolean;
}

/** Number of polls over which load is averaged, so that a short peak doesn't count. */
const POLLS = 10;

export function createOtherLoadSensor(options: OtherLoadOptions = {}): Sensor {
  const times = options.times ?? processorTimes;
  const now = options.now ?? Date.now;
  const source = 'processor';
  // Windows doesn't count low priorities separately, so our own engine couldn't be distinguished from other programs.
  const isKnown = (options.platform ?? process.platform) !== 'win32';
  const polls: ProcessorTimes[] = [];
  return {
    name: source,
    async read() {
      if (!isKnown) return {};
      if (options.mayBeOurs?.()) {
        polls.length = 0;
        return {};
      }
      const last = times();
      polls.push(last);
      if (polls.length > POLLS) polls.shift();
      const [first] = polls;
      if (first === undefined || last.totalMs <= first.totalMs) return {};
      const otherMs = last.busyMs - first.busyMs - (last.ownMs - first.ownMs);
      const percent = (100 * otherMs) / (last.totalMs - first.totalMs);
      return {
        otherProcessorPercent: { value: Math.min(100, Math.max(0, percent)), source, atMs: now() },
      };
    },
    close() {},
  };
}

function processorTimes(): ProcessorTimes {
  let totalMs = 0;
  let busyMs = 0;
  for (const { times } of cpus()) {
    totalMs += times.user + times.nice + times.sys + times.idle + times.irq;
    busyMs += times.user + times.sys + times.irq;
  }
  const own = process.cpuUsage();
  return { totalMs, busyMs, ownMs: (own.user + own.system) / 1000 };
}

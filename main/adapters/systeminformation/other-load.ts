/**
 * How busy other programs keep the processor. Our engine computes at the lowest priority, and what runs at a
 * lowered priority is nobody's urgent work, ours or theirs: the system counts it apart.
 */
import { cpus } from 'node:os';
import type { Sensor } from '../../ports/sensors.ts';

/** Milliseconds since some moment, over all cores. */
export interface ProcessorTimes {
  readonly totalMs: number;
  /** At normal priority, by everybody. */
  readonly busyMs: number;
  /** Of it by this process. */
  readonly ownMs: number;
}

export interface OtherLoadOptions {
  readonly times?: () => ProcessorTimes;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly platform?: NodeJS.Platform;
}

/** A moment of load is no work: it counts over this many looks. */
const LOOKS = 10;

export function createOtherLoadSensor(options: OtherLoadOptions = {}): Sensor {
  const times = options.times ?? processorTimes;
  const now = options.now ?? Date.now;
  const source = 'processor';
  // Windows does not count low priorities apart, so our own engine could not be told from others.
  const isKnown = (options.platform ?? process.platform) !== 'win32';
  const looks: ProcessorTimes[] = [];
  return {
    name: source,
    async read() {
      if (!isKnown) return {};
      const last = times();
      looks.push(last);
      if (looks.length > LOOKS) looks.shift();
      const [first] = looks;
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

/**
 * Logs the delay of the event loop: the first thing to check when a page, a stream or a hand-back was slow without
 * a visible reason.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/** Times between two samples, in nanoseconds. */
export interface DelayHistogram {
  readonly count: number;
  readonly max: number;
  percentile(percentile: number): number;
  reset(): void;
}

export interface EventLoopReportOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** One minute unless stated. */
  readonly intervalMs?: number;
  /** Node's own unless stated. */
  readonly histogram?: DelayHistogram;
}

const INTERVAL_MS = 60_000;
/**
 * Time between samples. A longer block of the loop is always seen, a shorter one by chance; ten wake-ups per second
 * cost an idle machine next to nothing.
 */
export const SAMPLE_MS = 100;
const NANOSECONDS_PER_MS = 1e6;

/** Starts the reports; returns the function that ends them. */
export function reportEventLoopDelay(options: EventLoopReportOptions): () => void {
  const { log, clock, intervalMs = INTERVAL_MS } = options;
  const own = options.histogram === undefined ? monitorEventLoopDelay({ resolution: SAMPLE_MS }) : null;
  own?.enable();
  const histogram = options.histogram ?? own;
  const timer = clock.every(intervalMs, () => {
    if (histogram === null || histogram.count === 0) return;
    log.info('Event loop delay.', {
      p50Ms: delayMs(histogram.percentile(50)),
      p99Ms: delayMs(histogram.percentile(99)),
      maxMs: delayMs(histogram.max),
      samples: histogram.count,
    });
    histogram.reset();
  });
  return () => {
    timer.cancel();
    own?.disable();
  };
}

/** A sample is the time between two ticks of a timer; the part beyond the timer's interval is delay. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, Math.round((nanoseconds / NANOSECONDS_PER_MS - SAMPLE_MS) * 10) / 10);
}

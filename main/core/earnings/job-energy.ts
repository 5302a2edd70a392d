/** Estimates the energy of one job from its time and the power draw of the work. Pure. */
import type { Watts } from '../../../shared/forecast.ts';

export interface JobEnergy {
  readonly wattHours: number;
  /** At the price of the hour in which the job started; null if no price is set. */
  readonly microUsd: number | null;
  readonly watts: number;
  readonly source: Watts['source'];
}

/** From the start to the end of computing. */
export interface Span {
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

const HOUR_MS = 3_600_000;
const KILO = 1_000;

/**
 * Returns null for a job that was not computed to its end, and while the power draw is unknown. Jobs that run together share
 * the draw: `others` are those, of the same machine, that may have run meanwhile.
 */
export function jobEnergy(parts: {
  readonly job: Span;
  readonly others: readonly Span[];
  readonly watts: Watts | null;
  /** Millionths of a US dollar per kilowatt-hour. */
  readonly priceMicroUsd: number | null;
}): JobEnergy | null {
  const { watts, priceMicroUsd } = parts;
  const span = wholeSpan(parts.job);
  if (span === null || watts === null) return null;
  const wattHours =
    (watts.value *
      sharedMs(
        span,
        parts.others.flatMap((each) => wholeSpan(each) ?? []),
      )) /
    HOUR_MS;
  return {
    wattHours,
    microUsd: priceMicroUsd === null ? null : (wattHours / KILO) * priceMicroUsd,
    watts: watts.value,
    source: watts.source,
  };
}

interface WholeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Null if a clock that was set back makes the end come first. */
function wholeSpan({ startedAtMs, endedAtMs }: Span): WholeSpan | null {
  if (startedAtMs === null || endedAtMs === null || endedAtMs < startedAtMs) return null;
  return { fromMs: startedAtMs, toMs: endedAtMs };
}

/** The time of the span, each part divided by the number of jobs that ran in it. */
function sharedMs(span: WholeSpan, others: readonly WholeSpan[]): number {
  const within = others.filter(({ fromMs, toMs }) => fromMs < span.toMs && toMs > span.fromMs);
  const edges = [span, ...within]
    .flatMap(({ fromMs, toMs }) => [fromMs, toMs])
    .filter((atMs) => atMs >= span.fromMs && atMs <= span.toMs)
    .sort((left, right) => left - right);
  return edges.slice(1).reduce((sum, toMs, index) => {
    const fromMs = edges[index] ?? toMs;
    const running = within.filter((each) => each.fromMs < toMs && each.toMs > fromMs).length;
    return sum + (toMs - fromMs) / (1 + running);
  }, 0);
}

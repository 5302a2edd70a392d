/** Speeds from earlier benchmarks for the model that is served now, at its current duty cycle. */
import type { Measurement } from '../../../shared/api/state.ts';
import { type EngineConditions, engineConditions, isModelSpeed } from '../../../shared/engine-measurement.ts';

/** Served model, as far as known: nothing is loaded while the owner needs the machine. */
export interface Served {
  readonly modelId: string;
  /** Compute backend; null accepts any, the newest first. */
  readonly backend: string | null;
  /** Compute threads; null like `backend`. */
  readonly threads: number | null;
}

/** Speeds of a single stream; null if not measured. */
export interface OfferSpeeds {
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
}

export interface Measured {
  /** Returns the model's newest speed: one stream at full speed. */
  newest(modelId: string, name: 'prefill' | 'decode'): Measurement | null;
  /**
   * Returns the speed that may be promised at this duty cycle in percent: the one measured at exactly that duty cycle,
   * otherwise the proportional part of the one measured at the next higher. A speed measured with more threads is scaled
   * down in proportion.
   */
  speedsAt(served: Served, dutyPercent: number): OfferSpeeds;
}

interface Known extends EngineConditions {
  readonly measurement: Measurement;
}

/** Takes benchmarks, newest first. Leaves out speeds measured alongside other jobs: they do not apply to the next job. */
export function measuredFrom(benchmarks: readonly (readonly Measurement[])[]): Measured {
  const known = benchmarks.map((measurements) =>
    measurements.flatMap((measurement): Known[] => {
      const conditions = engineConditions(measurement);
      return conditions === null || conditions.otherJobs !== undefined
        ? []
        : [{ ...conditions, measurement }];
    }),
  );

  /** Searches the newest benchmark with a suitable speed, at exactly this duty cycle or the next higher one. */
  function newestAt(dutyPercent: number, suits: (each: Known) => boolean): Known | null {
    for (const one of known) {
      const [nearest] = one
        .filter((each) => each.dutyPercent >= dutyPercent && suits(each))
        .sort((left, right) => left.dutyPercent - right.dutyPercent);
      if (nearest !== undefined) return nearest;
    }
    return null;
  }

  function speedAt(name: 'prefill' | 'decode', served: Served, dutyPercent: number): number | null {
    const suits = ({ measurement, model, streams, context }: Known) =>
      measurement.name === name &&
      model === served.modelId &&
      (served.backend ?? measurement.mode) === measurement.mode &&
      streams === 1 &&
      context === 'short';
    const found =
      newestAt(dutyPercent, (each) => suits(each) && each.threads === served.threads) ??
      newestAt(dutyPercent, suits);
    if (found === null) return null;
    const { measurement, threads } = found;
    // With a GPU the number of CPU threads hardly matters.
    const isShared = measurement.mode === 'cpu' && threads !== undefined && served.threads !== null;
    const share = isShared ? Math.min(1, served.threads / threads) : 1;
    return measurement.value * share * (dutyPercent / found.dutyPercent);
  }

  return {
    newest(modelId, name) {
      const found = known
        .flat()
        .find((each) => each.measurement.name === name && each.model === modelId && isModelSpeed(each));
      return found?.measurement ?? null;
    },
    speedsAt: (served, dutyPercent) => ({
      prefillTokensPerSecond: speedAt('prefill', served, dutyPercent),
      decodeTokensPerSecond: speedAt('decode', served, dutyPercent),
    }),
  };
}

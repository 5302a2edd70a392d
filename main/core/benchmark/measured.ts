/** What earlier benchmarks say of the model that is served now, at the share of the time that it is given now. */
import type { Measurement } from '../../../shared/api/state.ts';
import { type EngineConditions, engineConditions, isModelSpeed } from '../../../shared/engine-measurement.ts';

/** What is served, as far as it is known: nothing is loaded while the owner needs the machine. */
export interface Served {
  readonly modelId: string;
  /** What computes; null takes whatever was measured last. */
  readonly backend: string | null;
  /** Null like `backend`. */
  readonly threads: number | null;
}

/** Of one answer at a time; null where that was not measured. */
export interface OfferSpeeds {
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
}

export interface Measured {
  /** The model's newest speed: one stream at full speed. */
  newest(modelId: string, name: 'prefill' | 'decode'): Measurement | null;
  /**
   * What may be promised at this share of the time, in percent: what was measured at just that share, otherwise its part
   * of what was measured at the next higher one. Of a speed that more threads had, it is their share.
   */
  speedsAt(served: Served, dutyPercent: number): OfferSpeeds;
}

interface Known extends EngineConditions {
  readonly measurement: Measurement;
}

/** From benchmarks, newest first. Speeds beside other jobs say nothing of what the next job gets, and are left out. */
export function measuredFrom(benchmarks: readonly (readonly Measurement[])[]): Measured {
  const known = benchmarks.map((measurements) =>
    measurements.flatMap((measurement): Known[] => {
      const conditions = engineConditions(measurement);
      return conditions === null || conditions.otherJobs !== undefined
        ? []
        : [{ ...conditions, measurement }];
    }),
  );

  /** Of the newest benchmark that measured what is asked for: at just this share of the time, or the next higher one. */
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
    // Beside a card the processor's threads hardly matter.
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

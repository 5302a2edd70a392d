/** The engine's prefill and decode speed, measured several times on the model that is loaded. */

import type { Measurement } from '../../../shared/api/state.ts';
import { AppError } from '../../../shared/errors.ts';
import { median, spreadPercent } from '../../../shared/statistics.ts';
import type { Engine } from '../../ports/engine.ts';
import { type EngineSpeed, measureEngine } from '../engine/index.ts';

export interface EngineSpeedOptions {
  readonly signal: AbortSignal;
  /** At least so many, */
  readonly runs: number;
  /** and up to so many while they differ. */
  readonly runsMax: number;
  readonly promptWords: number;
  readonly decodeTokens: number;
  readonly now: () => number;
  readonly onRun: () => void;
}

/** A spread up to this, in percent, is small enough to stop. */
const SPREAD_SMALL = 5;
/** The clock took this much longer than a processor that computes itself: other programs had it. */
export const DISTURBED_RATIO = 1.2;

/**
 * Up to two measurements, or none with the reason. `otherJobs` stands in the conditions when the engine
 * worked for somebody else meanwhile: such a speed is shown, and no offer is made of it. `disturbed`
 * stands there when other programs took a good part of the time of a processor that computes itself (beside a GPU it waits).
 */
export async function measureEngineSpeed(
  engine: Engine,
  options: EngineSpeedOptions,
): Promise<{ measurements: Measurement[]; missing: string | null }> {
  const status = engine.status();
  if (status.state !== 'ready') return { measurements: [], missing: 'No model is loaded.' };
  const { loaded } = status;
  let otherJobs = status.activeSequences;
  const speeds: EngineSpeed[] = [];
  for (let run = 0; run < options.runs || (run < options.runsMax && differ(speeds)); run++) {
    if (options.signal.aborted) throw new AppError('aborted', 'The benchmark was stopped.');
    speeds.push(
      await measureEngine(engine, {
        promptWords: options.promptWords,
        decodeTokens: options.decodeTokens,
        signal: options.signal,
      }),
    );
    const after = engine.status();
    if (after.state === 'ready') otherJobs = Math.max(otherJobs, after.activeSequences);
    options.onRun();
  }
  if (options.signal.aborted) throw new AppError('aborted', 'The benchmark was stopped.');
  const conditions = {
    model: loaded.model.id,
    quantisation: loaded.quantisation,
    threads: loaded.threads,
    contextTokens: loaded.contextTokens,
    sequences: loaded.sequences,
    promptWords: options.promptWords,
    decodeTokens: options.decodeTokens,
    ...(otherJobs > 0 ? { otherJobs } : {}),
    ...(loaded.backend === 'cpu' && wereDisturbed(speeds, loaded.threads) ? { disturbed: true } : {}),
  };
  const measurements = (['prefill', 'decode'] as const).flatMap((name): Measurement[] => {
    const values = speeds.map((speed) => speed[`${name}TokensPerSecond`]).filter((value) => value !== null);
    const value = median(values);
    if (value === null) return [];
    return [
      {
        name,
        mode: loaded.backend,
        value,
        unit: 'tokens-per-second',
        spreadPercent: spreadPercent(values),
        runs: values.length,
        conditions,
        atMs: options.now(),
      },
    ];
  });
  return {
    measurements,
    missing: measurements.length > 0 ? null : 'The model ended too early to be measured.',
  };
}

/** Whether one of the two speeds scatters too much to stop. */
function differ(speeds: readonly EngineSpeed[]): boolean {
  return (['prefillTokensPerSecond', 'decodeTokensPerSecond'] as const).some((name) => {
    const spread = spreadPercent(speeds.map((speed) => speed[name]).filter((value) => value !== null));
    return spread !== null && spread > SPREAD_SMALL;
  });
}

/** By the middle run; false where the engine does not tell its processor time. */
function wereDisturbed(speeds: readonly EngineSpeed[], threads: number): boolean {
  const ratio = median(
    speeds.flatMap(({ end }) => {
      if (end?.cpu === undefined) return [];
      const cpuMs = (end.cpu.prefillMs + end.cpu.decodeMs) / threads;
      return cpuMs > 0 ? [(end.prefillMs + end.decodeMs) / cpuMs] : [];
    }),
  );
  return ratio !== null && ratio > DISTURBED_RATIO;
}

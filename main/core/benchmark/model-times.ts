/** Measures the time per token of one model on an engine: the least disturbed of several runs. */
import { AppError } from '../../../shared/errors.ts';
import type { Engine } from '../../ports/engine.ts';
import { type EngineEnd, measureEngine } from '../engine/index.ts';

export interface Effort {
  /** Minimum number of runs. */
  readonly runs: number;
  /** Maximum number of runs, used until the two fastest agree. */
  readonly runsMax: number;
  readonly promptWords: number;
  readonly answerTokens: number;
}

export interface Times {
  readonly prefillMs: number;
  readonly decodeMsPerToken: number;
}

export interface ModelTimes {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Wall time of the fastest run, which other programs disturbed least. */
  readonly wall: Times;
  /** CPU time divided by threads: the wall time of an otherwise idle machine. Null if unknown. */
  readonly cpu: Times | null;
}

/** The two fastest runs may differ by this share; a third one would add little. */
const AGREED_SHARE = 0.02;

/**
 * Measures the model that `engine` has loaded. Takes the fastest run instead of the median, because other activity on the
 * machine can only make a run slower. Fails with `engine-failed` if every response ended early.
 */
export async function measureModelTimes(
  engine: Engine,
  { runs, runsMax, promptWords, answerTokens }: Effort,
  signal: AbortSignal,
): Promise<ModelTimes> {
  const status = engine.status();
  if (status.state !== 'ready') throw new AppError('model-unavailable', 'No model is loaded.');
  // The first run reads the file's pages into memory.
  await measureEngine(engine, { promptWords: 8, decodeTokens: 2, signal });
  const ends: EngineEnd[] = [];
  for (let run = 0; run < runs || (run < runsMax && !agree(ends)); run++) {
    const { end } = await measureEngine(engine, { promptWords, decodeTokens: answerTokens, signal });
    signal.throwIfAborted();
    if (end !== null && end.outputTokens > answerTokens / 2) ends.push(end);
  }
  const [first] = ends;
  if (first === undefined)
    throw new AppError('engine-failed', 'The model ended its response too early for a measurement.');
  const { threads } = status.loaded;
  const fastest = (times: (end: EngineEnd) => { prefillMs: number; decodeMs: number }): Times => ({
    prefillMs: Math.min(...ends.map((end) => times(end).prefillMs)),
    decodeMsPerToken: Math.min(...ends.map((end) => times(end).decodeMs / (end.outputTokens - 1))),
  });
  const spent = ends.every(({ cpu }) => cpu !== undefined) && threads !== null;
  return {
    promptTokens: first.inputTokens,
    answerTokens,
    wall: fastest((end) => end),
    cpu: spent
      ? fastest(({ cpu }) => ({
          prefillMs: (cpu?.prefillMs ?? 0) / threads,
          decodeMs: (cpu?.decodeMs ?? 0) / threads,
        }))
      : null,
  };
}

/** Returns whether the two fastest runs agree in both phases; by CPU time where available. */
function agree(ends: readonly EngineEnd[]): boolean {
  return (['prefillMs', 'decodeMs'] as const).every((phase) => {
    const [fastest, second] = ends.map((end) => (end.cpu ?? end)[phase]).sort((left, right) => left - right);
    return fastest !== undefined && second !== undefined && second <= fastest * (1 + AGREED_SHARE);
  });
}

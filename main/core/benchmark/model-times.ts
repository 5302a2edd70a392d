/** How long one model's tokens take on an engine: the least disturbed of several runs. */
import { AppError } from '../../../shared/errors.ts';
import type { Engine } from '../../ports/engine.ts';
import { type EngineEnd, measureEngine } from '../engine/index.ts';

export interface Effort {
  /** At least so many, */
  readonly runs: number;
  /** and up to so many until the two fastest agree. */
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
  /** By the clock: the fastest run, which other programs disturbed least. */
  readonly wall: Times;
  /** Processor time over the threads: what the clock would say of a machine with nothing else to do. */
  readonly cpu: Times | null;
}

/** The two fastest runs may differ by this share: a third one would tell little more. */
const AGREED_SHARE = 0.02;

/**
 * Measures the model that `engine` has loaded. The fastest run counts and not the median: whatever else
 * happens on a machine only ever makes a run slower. Fails with `engine-failed` when every answer ended early.
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
  if (first === undefined) throw new AppError('engine-failed', 'The model ended too early to be measured.');
  const { threads } = status.loaded;
  const fastest = (times: (end: EngineEnd) => { prefillMs: number; decodeMs: number }): Times => ({
    prefillMs: Math.min(...ends.map((end) => times(end).prefillMs)),
    decodeMsPerToken: Math.min(...ends.map((end) => times(end).decodeMs / (end.outputTokens - 1))),
  });
  const spent = ends.every(({ cpu }) => cpu !== undefined);
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

/** Whether the fastest run was met a second time, in both phases; by processor time where it is told. */
function agree(ends: readonly EngineEnd[]): boolean {
  return (['prefillMs', 'decodeMs'] as const).every((phase) => {
    const [fastest, second] = ends.map((end) => (end.cpu ?? end)[phase]).sort((left, right) => left - right);
    return fastest !== undefined && second !== undefined && second <= fastest * (1 + AGREED_SHARE);
  });
}

/** Measures the engine's speed on the loaded model; offers and forecasts are based on it. */
import { isAppError } from '../../../shared/errors.ts';
import type { Engine, GenerateEvent } from '../../ports/engine.ts';

export interface MeasureOptions {
  /** Words of the measured prompt; about one token each. Default 256. */
  readonly promptWords?: number;
  /** Response tokens to decode. Default 64. */
  readonly decodeTokens?: number;
  /** Concurrent streams, at most the sequences of the loaded model. Default 1. */
  readonly streams?: number;
  readonly signal?: AbortSignal;
}

/** Total over all streams. */
export interface EngineSpeed {
  /** Null if the run was too short to measure. */
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
  /** End event of the longest response; null if no usable one arrived. */
  readonly end: EngineEnd | null;
}

export type EngineEnd = Extract<GenerateEvent, { type: 'end' }>;

const NOTHING: EngineSpeed = { prefillTokensPerSecond: null, decodeTokensPerSecond: null, end: null };

/** Words of the measured prompt, repeated in this order. */
export const PROMPT_WORDS =
  'the sun rose over a quiet harbour while boats waited for wind and people talked about bread'.split(' ');

/**
 * Runs one prefill and one decode on each stream, all started concurrently. Uses temperature 1 with a fixed seed, so
 * that the model does not fall into a loop and end early. The end events carry the times measured by the engine
 * process. If the context is too small for the prompt, the prompt is shortened.
 */
export async function measureEngine(engine: Engine, options: MeasureOptions = {}): Promise<EngineSpeed> {
  const signal = options.signal ?? new AbortController().signal;
  const { decodeTokens = 64, streams = 1 } = options;
  for (let words = options.promptWords ?? 256; words >= 1; words = Math.floor(words / 2)) {
    try {
      return await measureOnce(engine, { words, decodeTokens, streams, signal });
    } catch (error) {
      if (!isAppError(error, 'context-exceeded')) throw error;
    }
  }
  return NOTHING;
}

interface Run {
  readonly words: number;
  readonly decodeTokens: number;
  readonly streams: number;
  readonly signal: AbortSignal;
}

async function measureOnce(engine: Engine, run: Run): Promise<EngineSpeed> {
  // Stops the other streams of a failed run, which would otherwise compute alongside the next run.
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  const answers = Array.from({ length: run.streams }, () => endOf(engine, { ...run, signal }));
  let all: (EngineEnd | null)[];
  try {
    all = await Promise.all(answers);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(answers);
    throw error;
  }
  const ends = all.filter((end) => end !== null);
  const [first, ...others] = ends;
  if (first === undefined || ends.length < run.streams) return NOTHING;
  const sum = (tokens: (end: EngineEnd) => number) => ends.reduce((total, end) => total + tokens(end), 0);
  return {
    prefillTokensPerSecond: rate(
      sum(({ inputTokens }) => inputTokens),
      Math.max(...ends.map(({ prefillMs }) => prefillMs)),
    ),
    // The first token results from the prefill; each further token costs one decode step.
    decodeTokensPerSecond: rate(
      sum(({ outputTokens }) => outputTokens - 1),
      Math.max(...ends.map(({ decodeMs }) => decodeMs)),
    ),
    end: others.reduce((longest, end) => (end.decodeMs > longest.decodeMs ? end : longest), first),
  };
}

async function endOf(engine: Engine, { words, decodeTokens, signal }: Run): Promise<EngineEnd | null> {
  const text = Array.from({ length: words }, (_, index) => PROMPT_WORDS[index % PROMPT_WORDS.length]).join(
    ' ',
  );
  const sampling = { temperature: 1, topP: 1, seed: 1, stop: [] };
  const request = { prompt: { kind: 'text' as const, text }, maxTokens: decodeTokens, ...sampling };
  let found: EngineEnd | null = null;
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'end' && event.reason !== 'aborted') found = event;
  }
  return found;
}

function rate(tokens: number, durationMs: number): number | null {
  return tokens > 0 && durationMs > 0 ? (tokens * 1000) / durationMs : null;
}

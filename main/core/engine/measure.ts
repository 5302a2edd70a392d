/** The engine's own speed, measured on a loaded model: what an offer promises and a forecast starts from. */
import { isAppError } from '../../../shared/errors.ts';
import type { Engine, GenerateEvent } from '../../ports/engine.ts';

export interface MeasureOptions {
  /** Words of the measured prompt; about one token each. */
  readonly promptWords?: number;
  /** Answer tokens to decode. */
  readonly decodeTokens?: number;
  readonly signal?: AbortSignal;
}

export interface EngineSpeed {
  /** Null when the run was too short to measure. */
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
  /** What the engine said at its end; null when it said nothing that can be used. */
  readonly end: EngineEnd | null;
}

export type EngineEnd = Extract<GenerateEvent, { type: 'end' }>;

const NOTHING: EngineSpeed = { prefillTokensPerSecond: null, decodeTokensPerSecond: null, end: null };

/** The words of the measured prompt, in their order and over again. */
export const PROMPT_WORDS =
  'the sun rose over a quiet harbour while boats waited for wind and people talked about bread'.split(' ');

/**
 * One prefill and one decode on one sequence. Temperature 1 with a fixed seed, so that the model does not
 * fall into a loop and end early; `end` carries the times as the engine process took them. A context too
 * small for the prompt gets a shorter one.
 */
export async function measureEngine(engine: Engine, options: MeasureOptions = {}): Promise<EngineSpeed> {
  const signal = options.signal ?? new AbortController().signal;
  const decodeTokens = options.decodeTokens ?? 64;
  for (let words = options.promptWords ?? 256; words >= 1; words = Math.floor(words / 2)) {
    try {
      return await measureOnce(engine, words, decodeTokens, signal);
    } catch (error) {
      if (!isAppError(error, 'context-exceeded')) throw error;
    }
  }
  return NOTHING;
}

async function measureOnce(
  engine: Engine,
  words: number,
  decodeTokens: number,
  signal: AbortSignal,
): Promise<EngineSpeed> {
  const text = Array.from({ length: words }, (_, index) => PROMPT_WORDS[index % PROMPT_WORDS.length]).join(
    ' ',
  );
  const sampling = { temperature: 1, topP: 1, seed: 1, stop: [] };
  const request = { prompt: { kind: 'text' as const, text }, maxTokens: decodeTokens, ...sampling };
  for await (const event of engine.generate(request, signal)) {
    if (event.type !== 'end' || event.reason === 'aborted') continue;
    return {
      prefillTokensPerSecond: rate(event.inputTokens, event.prefillMs),
      // The first token comes out of the prefill; each other one costs a decoding step.
      decodeTokensPerSecond: rate(event.outputTokens - 1, event.decodeMs),
      end: event,
    };
  }
  return NOTHING;
}

function rate(tokens: number, durationMs: number): number | null {
  return tokens > 0 && durationMs > 0 ? (tokens * 1000) / durationMs : null;
}

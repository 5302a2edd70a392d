/** Runs the prompt of a job on the engine: unchanged, or cut at its beginning if it is too long, up to a stop text. */
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { HordeJob } from '../../ports/horde.ts';
import type { HeldModel } from '../../ports/model-engines.ts';
import { decodeSpeed } from '../jobs/index.ts';
import type { HordeLimits } from './limits.ts';

/** The engine takes no more; further ones end the answer here. */
const ENGINE_STOPS_MAX = 4;
/** As in the API of the own market. */
const TEMPERATURE_MAX = 2;
const REPEAT_PENALTY = { min: 0.1, max: 2 };
/** A prompt that is still too long after this many cuts isn't answered. */
const CUTS_MAX = 3;
/** Cuts a little more than the count says: cut text has other tokens. */
const CUT_SHARE = 0.95;

/** Follows the work; for the lists of jobs in progress. */
export interface HordeProgress {
  inputTokens: number | null;
  outputTokens: number;
  firstTokenAtMs: number | null;
  decodeTokensPerSecond: number | null;
}

export interface GenerateParts {
  readonly generate: HeldModel['generate'];
  readonly job: HordeJob;
  readonly limits: HordeLimits;
  readonly seed: number;
  readonly progress: HordeProgress;
  readonly nowMs: () => number;
  readonly onProgress: () => void;
  readonly signal: AbortSignal;
}

/** Resolves to the text, or to null if the work was stopped. Fails as the engine does. */
export async function generateAnswer(parts: GenerateParts): Promise<string | null> {
  const { job, limits } = parts;
  let { prompt } = job;
  for (let cuts = 0; ; cuts += 1) {
    try {
      return await generateOnce(parts, prompt);
    } catch (error) {
      const tokens = isAppError(error, 'context-exceeded') ? error.details.inputTokens : undefined;
      if (typeof tokens !== 'number' || cuts === CUTS_MAX) throw error;
      const room = Math.max(1, limits.contextTokens - job.answerTokens);
      // Its end matters most: that is where the answer begins.
      prompt = prompt.slice(-Math.max(1, Math.floor((prompt.length * room * CUT_SHARE) / tokens)));
    }
  }
}

async function generateOnce(parts: GenerateParts, prompt: string): Promise<string | null> {
  const { job, seed, progress, nowMs } = parts;
  const ended = new AbortController();
  const signal = AbortSignal.any([parts.signal, ended.signal]);
  const further = job.stop.slice(ENGINE_STOPS_MAX);
  let text = '';
  let stopAt: number | null = null;
  for await (const event of parts.generate(requestOf(job, prompt, seed), signal)) {
    follow(progress, event, nowMs());
    parts.onProgress();
    // The engine may have room for more than what is read in time.
    const isTooLong =
      event.type === 'start' && event.inputTokens + job.answerTokens > parts.limits.contextTokens;
    if (isTooLong) {
      ended.abort();
      throw contextExceeded(event.inputTokens, job.answerTokens, parts.limits.contextTokens);
    }
    if (event.type === 'text' && stopAt === null) {
      text += event.text;
      stopAt = firstStop(text, further);
      if (stopAt !== null) ended.abort();
    }
    if (event.type !== 'end') continue;
    if (event.reason === 'aborted' && (parts.signal.aborted || stopAt === null)) return null;
  }
  return stopAt === null ? text : text.slice(0, stopAt);
}

function requestOf(job: HordeJob, prompt: string, seed: number): GenerateRequest {
  const { topK, minP, repeatPenalty } = job;
  const penalty = Math.min(REPEAT_PENALTY.max, Math.max(REPEAT_PENALTY.min, repeatPenalty));
  return {
    prompt: { kind: 'text', text: prompt },
    maxTokens: job.answerTokens,
    temperature: Math.min(TEMPERATURE_MAX, job.temperature),
    topP: job.topP === 0 ? 1 : job.topP,
    seed,
    stop: job.stop.slice(0, ENGINE_STOPS_MAX),
    // Strangers must not learn from the time what others asked.
    requester: null,
    sampling: {
      topK,
      ...(minP > 0 && { minP }),
      ...(penalty !== 1 && { repeatPenalty: penalty }),
    },
  };
}

function firstStop(text: string, stops: readonly string[]): number | null {
  const places = stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0);
  return places.length === 0 ? null : Math.min(...places);
}

function follow(progress: HordeProgress, event: GenerateEvent, nowMs: number): void {
  if (event.type === 'start') progress.inputTokens = event.inputTokens;
  if (event.type === 'text') {
    progress.firstTokenAtMs ??= nowMs;
    progress.outputTokens += event.tokens.length;
  }
  if (event.type !== 'end') return;
  progress.inputTokens = event.inputTokens;
  progress.decodeTokensPerSecond = decodeSpeed(event.outputTokens, event.decodeMs);
}

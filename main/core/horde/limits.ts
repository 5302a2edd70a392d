/** Decides by the measured speed which jobs this machine can end in their time. Pure. */
import type { HordeJob } from '../../ports/horde.ts';

/** Speeds of one stream at the current duty cycle, in tokens per second; null if they weren't measured. */
export interface HordeSpeeds {
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
}

/** Tokens that a job may have. */
export interface HordeLimits {
  readonly answerTokens: number;
  /** Prompt and answer together. */
  readonly contextTokens: number;
}

/** The least that the server lets a client ask for. */
const ANSWER_TOKENS_MIN = 16;
const CONTEXT_TOKENS_MIN = 256;
/** The shortest prompt that is worth a job. */
const PROMPT_TOKENS_MIN = 64;
/** The most that it lets one ask for. */
const ANSWER_TOKENS_MAX = 1_024;
const CONTEXT_TOKENS_MAX = 32_768;
/** Share of a job's time that the work may take. The other half is for a machine that is throttled, and for the way. */
const TIME_SHARE = 0.5;
/** Of that, the part in which the answer is written. */
const ANSWER_SHARE = 0.6;

/** Returns the largest jobs that end in half their time; the reason if there are none. */
export function limitsOf(
  { prefillTokensPerSecond, decodeTokensPerSecond }: HordeSpeeds,
  contextTokens: number,
  ttlMs: number,
): HordeLimits | 'unmeasured' | 'too-slow' {
  if (prefillTokensPerSecond === null || decodeTokensPerSecond === null) return 'unmeasured';
  const seconds = (ttlMs / 1_000) * TIME_SHARE;
  const whole = Math.min(contextTokens, CONTEXT_TOKENS_MAX);
  const written = Math.floor(seconds * ANSWER_SHARE * decodeTokensPerSecond);
  const answerTokens = Math.min(ANSWER_TOKENS_MAX, Math.floor(whole / 2), written);
  const read = Math.floor(seconds * (1 - ANSWER_SHARE) * prefillTokensPerSecond);
  const limits = { answerTokens, contextTokens: Math.min(whole, answerTokens + read) };
  const isUseful =
    answerTokens >= ANSWER_TOKENS_MIN &&
    limits.contextTokens >= Math.max(CONTEXT_TOKENS_MIN, answerTokens + PROMPT_TOKENS_MIN);
  return isUseful ? limits : 'too-slow';
}

/** Returns the limits that hold for each of several models: one request for a job has one pair of them. */
export function commonLimits(all: readonly HordeLimits[]): HordeLimits {
  return {
    answerTokens: Math.min(...all.map(({ answerTokens }) => answerTokens)),
    contextTokens: Math.min(...all.map(({ contextTokens }) => contextTokens)),
  };
}

/** Returns whether a job is within the limits, and ends in its own time. A prompt counts as long as it may be. */
export function canEnd(
  job: Pick<HordeJob, 'answerTokens' | 'prompt' | 'ttlMs'>,
  limits: HordeLimits,
  { prefillTokensPerSecond, decodeTokensPerSecond }: HordeSpeeds,
): boolean {
  if (prefillTokensPerSecond === null || decodeTokensPerSecond === null) return false;
  if (job.answerTokens > limits.answerTokens) return false;
  // A token is at least one byte; what exceeds the context is cut off.
  const promptTokens = Math.min(Buffer.byteLength(job.prompt), limits.contextTokens - job.answerTokens);
  const seconds = promptTokens / prefillTokensPerSecond + job.answerTokens / decodeTokensPerSecond;
  return seconds * 1_000 <= job.ttlMs * TIME_SHARE;
}

/**
 * What a benchmark asks of the engine: streams, contexts and shares of the time, and how long a prompt and answer this
 * machine can do of each, so that the slowest one is done in a few minutes and the owner has it back.
 */

import { throttledDuty } from '../../../shared/comfort.ts';

export interface EngineCase {
  /** Answers at once. */
  readonly streams: number;
  readonly context: 'short' | 'long';
  /** Share of the time in which the engine computes, in percent. */
  readonly dutyPercent: number;
  /** At least so many runs where the time allows, */
  readonly runs: number;
  /** and up to so many while they differ. */
  readonly runsMax: number;
  /** No further run begins after this long. */
  readonly budgetMs: number;
}

export interface EngineSize {
  /** About one token each, see {@link Pace.tokensPerWord}. */
  readonly promptWords: number;
  readonly decodeTokens: number;
}

/** What a short look at the loaded model found. */
export interface Pace {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly tokensPerWord: number;
}

const STREAMS = [1, 2, 4];
const SHORT_WORDS = 256;
const DECODE_TOKENS = 64;
/** What a machine that is too slow for the above is asked. */
const SMALLEST: EngineSize = { promptWords: 16, decodeTokens: 8 };
/** A long context is at least so many times as long as the short one. */
const LONGER = 2;
/** Tokens of a context that are left free: a tokenizer may add some at the beginning. */
const MARGIN_TOKENS = 8;

const MANY = { runs: 5, runsMax: 12 };
const FEW = { runs: 3, runsMax: 6 };

/**
 * The first case is the one that stands for the model's speed. Within a comfort of 100 % nothing would differ. What is
 * left while throttled is measured too: it is less than its share of full speed (measured: 24 to 44 tokens a second at
 * half of the time, 114 to 132 at all of it).
 */
export function casesFor(sequences: number, comfortDutyPercent: number): readonly EngineCase[] {
  const streams = STREAMS.filter((count) => count <= sequences);
  const few = (count: number, dutyPercent: number): EngineCase => {
    return { ...FEW, context: 'short', streams: count, dutyPercent, budgetMs: 6_000 + 2_000 * count };
  };
  const one: EngineCase = { ...MANY, context: 'short', streams: 1, dutyPercent: 100, budgetMs: 20_000 };
  const several = streams.filter((count) => count > 1);
  const comfort = [...new Set([1, Math.max(...streams)])].map((count) => few(count, comfortDutyPercent));
  return [
    one,
    ...several.map((count) => few(count, 100)),
    { ...one, ...FEW, context: 'long', budgetMs: 15_000 },
    ...(comfortDutyPercent < 100 ? comfort : []),
    few(1, throttledDuty(comfortDutyPercent)),
  ];
}

/**
 * Prompt and answer of one run: as short as lets the least number of runs end in time. `too-slow`: one run would take
 * longer than all of them may; `no-longer`: the loaded context is hardly longer than the short one. What `isNeeded`
 * is measured in any case, as small as can be. That streams save each other time is not counted on.
 */
export function sizeOf(
  each: EngineCase,
  contextTokens: number,
  pace: Pace,
  isNeeded = false,
): EngineSize | 'too-slow' | 'no-longer' {
  const { streams, context, dutyPercent, budgetMs } = each;
  const room = Math.floor((contextTokens - DECODE_TOKENS - MARGIN_TOKENS) / pace.tokensPerWord);
  const short = Math.max(1, Math.min(SHORT_WORDS, room));
  if (context === 'long' && room < LONGER * short) return 'no-longer';
  const wanted = { promptWords: context === 'long' ? room : short, decodeTokens: DECODE_TOKENS };
  const runMs = ({ promptWords, decodeTokens }: EngineSize) =>
    ((streams * 100_000) / dutyPercent) *
    ((promptWords * pace.tokensPerWord) / pace.prefillTokensPerSecond +
      decodeTokens / pace.decodeTokensPerSecond);
  const share = Math.min(1, budgetMs / (each.runs * runMs(wanted)));
  const atLeast = context === 'long' ? LONGER * short : Math.min(short, SMALLEST.promptWords);
  const size = {
    promptWords: Math.max(atLeast, Math.floor(wanted.promptWords * share)),
    decodeTokens: Math.max(SMALLEST.decodeTokens, Math.floor(wanted.decodeTokens * share)),
  };
  return isNeeded || runMs(size) <= budgetMs ? size : 'too-slow';
}

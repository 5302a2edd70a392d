/**
 * Cases of the engine's benchmark: streams, contexts and duty cycles. Prompt and response of each case are sized for
 * the machine, so that even the slowest machine finishes within a few minutes.
 */
import { throttledDuty } from '../../../shared/comfort.ts';
import type { BenchmarkScope } from './record.ts';

export interface EngineCase {
  /** Concurrent streams. */
  readonly streams: number;
  readonly context: 'short' | 'long';
  /** Percent of time in which the engine computes. */
  readonly dutyPercent: number;
  /** Minimum number of runs, if time allows. */
  readonly runs: number;
  /** Maximum number of runs, used while the results differ. */
  readonly runsMax: number;
  /** Time after which no further run starts. */
  readonly budgetMs: number;
}

export interface EngineSize {
  /** Words of about one token each; see {@link Pace.tokensPerWord}. */
  readonly promptWords: number;
  readonly decodeTokens: number;
}

/** Approximate speed of the loaded model from a short trial. */
export interface Pace {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly tokensPerWord: number;
}

const STREAMS = [1, 2, 4];
const SHORT_WORDS = 256;
const DECODE_TOKENS = 64;
/** Size for a machine that is too slow for the above. */
const SMALLEST: EngineSize = { promptWords: 16, decodeTokens: 8 };
/** Minimum ratio of the long context to the short one. */
const LONGER = 2;
/** Tokens of the context that stay free, because a tokenizer may add some at the beginning. */
const MARGIN_TOKENS = 8;

const MANY = { runs: 5, runsMax: 12 };
const FEW = { runs: 3, runsMax: 6 };

/**
 * Returns the cases to measure. The first case defines the model's speed. At an intensity of 100% duty cycle its cases
 * would not differ from full speed and are left out. The throttled speed is measured too, because it is less than its
 * share of full speed (measured: 24 to 44 tokens/s at a duty cycle of 50%, 114 to 132 tokens/s at 100%). A model alone is
 * measured with one stream, at full speed and at the owner's intensity.
 */
export function casesFor(
  scope: BenchmarkScope,
  sequences: number,
  comfortDutyPercent: number,
): readonly EngineCase[] {
  const streams = STREAMS.filter((count) => count <= sequences);
  const few = (count: number, dutyPercent: number): EngineCase => {
    return { ...FEW, context: 'short', streams: count, dutyPercent, budgetMs: 6_000 + 2_000 * count };
  };
  const one: EngineCase = { ...MANY, context: 'short', streams: 1, dutyPercent: 100, budgetMs: 20_000 };
  if (scope === 'model') return comfortDutyPercent < 100 ? [one, few(1, comfortDutyPercent)] : [one];
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
 * Returns prompt and response of one run, shortened so that the minimum number of runs ends in time. `too-slow`: one
 * run would exceed the time for all of them. `no-longer`: the loaded context is hardly longer than the short one. A
 * case that `isNeeded` is always measured, at the smallest size if necessary. Assumes that streams do not save time by
 * sharing a batch.
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

/** Scores of predictions: the predicted and the measured speed of each model that was predicted first. */
import type { Measurement } from '../../../shared/api/state.ts';
import { engineConditions, isModelSpeed } from '../../../shared/engine-measurement.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import { SCORE_KIND, type Score, scoreOf, scoreRow } from './calibration-record.ts';
import type { PredictedSpeed } from './fitted-calibration.ts';
import type { Conditions } from './prediction.ts';

/** Conditions of the machine's benchmark where time permits; a word is about one token. */
export const BENCHMARK_CONDITIONS: Conditions = { promptTokens: 256, answerTokens: 64 };
const SCORES_MAX = 200;

export interface Scores {
  /** Returns the model's newest score. */
  newest(modelId: string): Score | undefined;
  keep(score: Score): void;
}

export function createScores(store: BenchmarkStore): Scores {
  const scores = new Map<string, Score>();
  // The store lists the newest first: the first score of each model counts.
  for (const row of store.list(SCORE_KIND, SCORES_MAX)) {
    const score = scoreOf(row);
    if (score !== null && !scores.has(score.modelId)) scores.set(score.modelId, score);
  }
  return {
    newest: (modelId) => scores.get(modelId),
    keep(score) {
      store.insert(scoreRow(score));
      scores.set(score.modelId, score);
    },
  };
}

/**
 * Compares the model speed among `measurements` with its prediction. Returns null without such a speed, if other jobs
 * ran at the same time, or if the costs were fitted on another backend or number of threads.
 */
export function scoreFrom(
  measurements: readonly Measurement[],
  predict: (modelId: string, conditions: Conditions) => PredictedSpeed | null,
): Score | null {
  const [decode, prefill] = [modelSpeed(measurements, 'decode'), modelSpeed(measurements, 'prefill')];
  const conditions = decode && engineConditions(decode);
  if (decode === undefined || prefill === undefined || !conditions) return null;
  if (conditions.otherJobs !== undefined || decode.value <= 0 || prefill.value <= 0) return null;
  const { model: modelId, threads, promptTokens, decodeTokens } = conditions;
  // A slow machine runs a shorter case: predicts for the case that was run.
  const expected = predict(modelId, {
    promptTokens: promptTokens ?? BENCHMARK_CONDITIONS.promptTokens,
    answerTokens: decodeTokens ?? BENCHMARK_CONDITIONS.answerTokens,
  });
  if (expected === null || expected.backend !== decode.mode || expected.threads !== threads) return null;
  return {
    atMs: decode.atMs,
    backend: expected.backend,
    threads: expected.threads,
    modelId,
    predicted: {
      prefillTokensPerSecond: expected.prefillTokensPerSecond,
      decodeTokensPerSecond: expected.decodeTokensPerSecond,
    },
    measured: { prefillTokensPerSecond: prefill.value, decodeTokensPerSecond: decode.value },
  };
}

function modelSpeed(
  measurements: readonly Measurement[],
  name: 'prefill' | 'decode',
): Measurement | undefined {
  return measurements.find((each) => {
    const conditions = engineConditions(each);
    return each.name === name && conditions !== null && isModelSpeed(conditions);
  });
}

/** Predicts the speed of a model from measured models: the fit, its uncertainty and the prediction. */
import { type Costs, choiceParts, costOf, decodeParts, fitCosts, prefillParts } from './cost-model.ts';
import type { ModelShape } from './model-shape.ts';

/** Times of one model: the whole prompt until its first token, and each token after it. */
export interface MeasuredModel {
  readonly shape: ModelShape;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly prefillMs: number;
  readonly decodeMsPerToken: number;
}

export interface FittedCosts {
  readonly decode: Costs;
  readonly prefill: Costs;
}

export interface Conditions {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

export interface Speed {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** Fits the costs to the measured models. */
export function fitModels(models: readonly MeasuredModel[]): FittedCosts {
  const decode = fitCosts(
    models.map(({ shape, decodeMsPerToken, ...conditions }) => ({
      parts: decodeParts(shape, middleContext(conditions)),
      durationMs: decodeMsPerToken,
    })),
  );
  const prefill = fitCosts(
    models.map(({ shape, promptTokens, prefillMs }) => ({
      parts: prefillParts(shape, promptTokens),
      durationMs: prefillMs,
      knownMs: costOf(choiceParts(shape), decode) ?? 0,
    })),
  );
  return { decode, prefill };
}

/** Returns null for a model with a tensor type that was not measured. */
export function predictSpeed(costs: FittedCosts, shape: ModelShape, conditions: Conditions): Speed | null {
  const decodeMs = costOf(decodeParts(shape, middleContext(conditions)), costs.decode);
  const choiceMs = costOf(choiceParts(shape), costs.decode);
  const promptMs = costOf(prefillParts(shape, conditions.promptTokens), costs.prefill);
  if (decodeMs === null || choiceMs === null || promptMs === null) return null;
  if (decodeMs <= 0 || promptMs + choiceMs <= 0) return null;
  return {
    prefillTokensPerSecond: (conditions.promptTokens * 1_000) / (promptMs + choiceMs),
    decodeTokensPerSecond: 1_000 / decodeMs,
  };
}

/** Share of the errors that are no larger than the reported one. */
const COVERED_SHARE = 0.8;

/**
 * Returns the error in percent that four out of five measured models do not exceed when each shape in turn is predicted
 * from the others: an estimate of the error for a model of another shape. Null if no model's types are all among the
 * others'.
 */
export function crossErrorPercent(models: readonly MeasuredModel[]): number | null {
  const errors = models.flatMap((left) => {
    const others = models.filter(({ shape }) => shape !== left.shape);
    const speed = predictSpeed(fitModels(others), left.shape, left);
    if (speed === null) return [];
    return [
      errorPercent(speed.decodeTokensPerSecond, 1_000 / left.decodeMsPerToken),
      errorPercent(speed.prefillTokensPerSecond, (left.promptTokens * 1_000) / left.prefillMs),
    ];
  });
  const ascending = errors.sort((one, other) => one - other);
  return ascending[Math.floor(COVERED_SHARE * (ascending.length - 1))] ?? null;
}

/** Returns the error of a prediction in percent of the measured value. */
export function errorPercent(predicted: number, measured: number): number {
  return (100 * Math.abs(predicted - measured)) / measured;
}

/** Returns the average context length during the response. */
function middleContext({ promptTokens, answerTokens }: Conditions): number {
  return promptTokens + answerTokens / 2;
}

/** Abilities of a model, or the engine that runs it, beyond plain text. Offers and `/v1/models` list them. */
import { AppError } from './errors.ts';

export const MODEL_FEATURES = [
  /** Calls the buyer's functions, in the model's own format. */
  'tools',
  /** Writes JSON of a schema. */
  'json',
  /** Reports the probabilities of tokens. */
  'logprobs',
  /** Knows penalties, token biases, top-k and min-p. */
  'sampling',
  /** Thinks before it answers, in a text of its own. */
  'reasoning',
  /** Turns texts into vectors. */
  'embeddings',
] as const;

export type ModelFeature = (typeof MODEL_FEATURES)[number];

/** The parameter of a request that needs the feature, and the words for it in the error. */
const NEEDS: Readonly<Record<ModelFeature, { readonly param: string; readonly what: string }>> = {
  tools: { param: 'tools', what: 'call tools' },
  json: { param: 'response_format', what: 'write JSON of a schema' },
  logprobs: { param: 'logprobs', what: 'report the probabilities of tokens' },
  sampling: { param: 'frequency_penalty', what: 'use penalties, token biases, top_k or min_p' },
  reasoning: { param: 'reasoning_effort', what: 'reason' },
  embeddings: { param: 'model', what: 'make embeddings' },
};

/** Returns the first feature that is missing; null if none is. */
export function missingFeature(
  needed: readonly ModelFeature[],
  features: readonly string[] | undefined,
): ModelFeature | null {
  return needed.find((feature) => !features?.includes(feature)) ?? null;
}

/** The error for a model that can't do what a request needs. */
export function featureMissing(model: string, feature: ModelFeature): AppError {
  const { param, what } = NEEDS[feature];
  return new AppError(
    'unsupported',
    `The model "${model.slice(0, 80)}" can’t ${what}. GET /v1/models lists the features of each model.`,
    { details: { param, code: `${feature}_not_supported` } },
  );
}

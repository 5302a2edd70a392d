/**
 * Ranks models for this machine by one rule: of those that fit into memory and are fast enough, the most capable first.
 * Pure: depends only on its arguments.
 */
import type { ModelEntry } from '../../../shared/api/state.ts';
import type { ModelSuits } from '../../../shared/model-files.ts';
import { modelSuitsSchema } from '../../../shared/model-files.ts';

export type Candidate = Pick<
  ModelEntry,
  'id' | 'fit' | 'use' | 'parameters' | 'quantisation' | 'sizeBytes' | 'bundled'
>;

/** Slower answers are hard to wait for: an adult reads about 250 words, or 330 tokens, per minute. */
const TOKENS_PER_SECOND_MIN = 6;
/** Upper ends of the classes of capability, in billions of weights. */
const CLASSES = [1, 2, 5, 10, 20, 40, 80, 160] as const;
/** Mixtures of less than three bits per weight, which cost about one class. */
const COARSE = /^(I?Q[12](_|$)|TQ)/i;

/** Returns the models in order, each with how well it suits. At most one is `best`. */
export function rankModels<T extends Candidate>(
  candidates: readonly T[],
  tokensPerSecond: (candidate: T) => number | null,
): (T & { readonly suits: ModelSuits })[] {
  const rated = candidates.map((model) => ({ model, speed: tokensPerSecond(model) }));
  const ranked = rated
    .map((each) => ({ ...each, suits: suitsOf(each.model, each.speed), quality: qualityOf(each.model) }))
    .toSorted(
      (left, right) =>
        ORDER.indexOf(left.suits) - ORDER.indexOf(right.suits) ||
        right.quality - left.quality ||
        (right.speed ?? 0) - (left.speed ?? 0) ||
        (right.model.sizeBytes ?? 0) - (left.model.sizeBytes ?? 0),
    );
  return ranked.map(({ model, suits }, index) => ({
    ...model,
    suits: index === 0 && suits === 'good' ? 'best' : suits,
  }));
}

const ORDER = modelSuitsSchema.options;

function suitsOf({ fit, use, bundled }: Candidate, speed: number | null): ModelSuits {
  if (bundled) return 'test-only';
  if (fit === 'does-not-fit') return 'does-not-fit';
  if (use !== 'chat') return 'not-chat';
  if (fit === 'unknown') return 'unknown';
  if (speed !== null && speed < TOKENS_PER_SECOND_MIN) return 'slow';
  if (fit === 'tight') return 'tight';
  return speed === null ? 'unmeasured' : 'good';
}

/** Returns the class of capability; -1 for an unknown number of weights. */
function qualityOf({ parameters, quantisation }: Candidate): number {
  const weights = billions(parameters);
  if (weights === null) return -1;
  const above = CLASSES.findIndex((end) => weights < end);
  const size = above === -1 ? CLASSES.length : above;
  return COARSE.test(quantisation) ? size - 1 : size;
}

/** Reads `135M`, `1.5B` and `8x7B`; null for any other text. */
function billions(parameters: string): number | null {
  const match = /^(?:(\d{1,3})x)?(\d{1,5}(?:\.\d{1,3})?)([KMBT])\b/i.exec(parameters.trim());
  if (match === null) return null;
  const [, experts = '1', count, unit = 'B'] = match;
  return Number(experts) * Number(count) * SCALES[unit.toUpperCase() as keyof typeof SCALES];
}

const SCALES = { K: 1e-6, M: 1e-3, B: 1, T: 1e3 } as const;

/**
 * Ranks models for this machine by one rule: of those that fit into memory and are fast enough, the most capable first.
 * Pure: depends only on its arguments.
 */
import type { ModelEntry } from '../../../shared/api/state.ts';
import type { ModelStrength, ModelSuits } from '../../../shared/model-files.ts';
import { MODEL_STRENGTHS, modelSuitsSchema } from '../../../shared/model-files.ts';

export type Candidate = Pick<
  ModelEntry,
  'id' | 'fit' | 'use' | 'strengths' | 'released' | 'parameters' | 'quantisation' | 'sizeBytes' | 'bundled'
>;

type Ranked<T> = T & { readonly suits: ModelSuits; readonly bestFor: ModelStrength[] };

/** Slower answers are hard to wait for: an adult reads about 250 words, or 330 tokens, per minute. */
const TOKENS_PER_SECOND_MIN = 6;
/** Upper ends of the classes of capability, in billions of weights. */
const CLASSES = [1, 2, 5, 10, 20, 40, 80, 160] as const;
/** Mixtures of less than three bits per weight, which cost about one class. */
const COARSE = /^(I?Q[12](_|$)|TQ)/i;

/**
 * Returns the models in order, each with how well it suits. For each use, at most one is the best: the first that fits and is
 * fast enough.
 */
export function rankModels<T extends Candidate>(
  candidates: readonly T[],
  tokensPerSecond: (candidate: T) => number | null,
): Ranked<T>[] {
  const rated = candidates.map((model) => ({ model, speed: tokensPerSecond(model) }));
  const ranked = rated
    .map((each) => ({ ...each, suits: suitsOf(each.model, each.speed), quality: qualityOf(each.model) }))
    .toSorted(
      (left, right) =>
        ORDER.indexOf(left.suits) - ORDER.indexOf(right.suits) ||
        right.quality - left.quality ||
        // One that was made for code alone comes after one that also chats.
        Number(chats(right.model)) - Number(chats(left.model)) ||
        // Of a class, later models answer better; one that isn't in the catalog counts as the oldest.
        (right.model.released ?? 0) - (left.model.released ?? 0) ||
        (right.speed ?? 0) - (left.speed ?? 0) ||
        (right.model.sizeBytes ?? 0) - (left.model.sizeBytes ?? 0),
    );
  const good = ranked.filter(({ suits }) => suits === 'good');
  const firsts = MODEL_STRENGTHS.map(
    (strength) => [strength, good.find(({ model }) => model.strengths.includes(strength))?.model] as const,
  );
  return ranked.map(({ model, suits }) => {
    const bestFor = firsts.flatMap(([strength, first]) => (first === model ? [strength] : []));
    return { ...model, suits: bestFor.includes('chat') ? 'best' : suits, bestFor };
  });
}

const ORDER = modelSuitsSchema.options;

function chats({ strengths }: Candidate): boolean {
  return strengths.includes('chat');
}

function suitsOf({ fit, use, bundled }: Candidate, speed: number | null): ModelSuits {
  if (bundled) return 'test-only';
  if (fit === 'does-not-fit') return 'does-not-fit';
  if (use === 'text') return 'not-chat';
  if (fit === 'unknown' || fit === 'partly') return fit;
  // An embedding model generates nothing, so there is no speed to wait for.
  if (use === 'embedding') return fit === 'tight' ? 'tight' : 'good';
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

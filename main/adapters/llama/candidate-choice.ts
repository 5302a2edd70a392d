/** Applies top-k, top-p and min-p as the library's sampler does, and chooses among the candidates that a grammar allows. */
import { byScore, type Candidates, type Drawing, drawToken, type Scored, scoresOf } from './gumbel-noise.ts';

/** Settings that leave candidates over; 0 for `topK` leaves all. */
export interface Masks {
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** Applies the masks to candidates in falling order. */
export function mask(sorted: Candidates, { topK, topP, minP }: Masks): Candidates {
  const kept = topK > 0 ? sorted.slice(0, topK) : sorted;
  const best = kept[0]?.[1] ?? 0;
  const plain = normalized(kept.map(([, logit]) => Math.exp(logit - best)));
  const most = plain[0] ?? 0;
  let sum = 0;
  return kept.filter((_, index) => {
    const isIn = sum < topP || index === 0;
    sum += plain[index] ?? 0;
    return isIn && (plain[index] ?? 0) >= minP * most;
  });
}

function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Returns the candidates in falling order of their logits. */
export function sortCandidates(candidates: Candidates): Candidates {
  return [...candidates].sort(([, a], [, b]) => b - a);
}

/** The candidates of one position, in falling order, of which a grammar allows some. */
export interface BoundCandidates {
  readonly sorted: Candidates;
  readonly allows: (token: number) => boolean;
}

/** Returns what the masks leave over of the allowed candidates; at temperature 0 all of them. */
export function allowedCandidates(
  { sorted, allows }: BoundCandidates,
  plan: Masks & Pick<Drawing, 'temperature'>,
): Candidates {
  if (plan.temperature === 0) return sorted.filter(([token]) => allows(token));
  const enough = plan.topK > 0 ? plan.topK : sorted.length;
  const allowed: (readonly [number, number])[] = [];
  for (const candidate of sorted) {
    if (allowed.length === enough) break;
    if (allows(candidate[0])) allowed.push(candidate);
  }
  return mask(allowed, plan);
}

/**
 * Draws among {@link allowedCandidates}; null if there are none. Asks the grammar about few tokens where it can, because each
 * question takes about 3 µs.
 */
export function drawAllowed(bound: BoundCandidates, plan: Masks & Drawing, position: number): number | null {
  if (plan.temperature > 0 && plan.topP < 1) {
    // The share of each candidate depends on all that are allowed.
    return drawToken(allowedCandidates(bound, plan), plan, position);
  }
  const { sorted } = bound;
  const allows = remembered(bound.allows);
  const scored = scoresOf(sorted, plan, position).sort(byScore);
  const isKept = ({ logit, index }: Scored) => {
    if (plan.temperature === 0) return true;
    const isFirst = plan.topK === 0 || index < plan.topK || !hasAllowed(sorted, allows, index, plan.topK);
    if (!isFirst || plan.minP === 0) return isFirst;
    const best = sorted.find(([each]) => allows(each))?.[1] ?? logit;
    return Math.exp(logit - best) >= plan.minP;
  };
  return scored.find((each) => allows(each.token) && isKept(each))?.token ?? null;
}

/** True if at least `count` of the candidates before this index are allowed. */
function hasAllowed(
  sorted: Candidates,
  allows: (token: number) => boolean,
  index: number,
  count: number,
): boolean {
  let found = 0;
  for (const [token] of sorted.slice(0, index)) {
    if (allows(token)) found += 1;
    if (found === count) return true;
  }
  return false;
}

function remembered(allows: (token: number) => boolean): (token: number) => boolean {
  const known = new Map<number, boolean>();
  return (token) => {
    const found = known.get(token) ?? allows(token);
    known.set(token, found);
    return found;
  };
}

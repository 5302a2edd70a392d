/**
 * Noise for sampling by the Gumbel-max trick: the token with the highest logit + temperature × noise is drawn with the
 * probability that the softmax gives it. The noise depends only on a seed, the position in the answer and the token, so
 * that anyone with the same model can repeat the draw and measure by how much another token falls short.
 */

/** Difference in logits up to which a token that wasn't drawn counts; a larger one counts as this. */
export const GAP_MAX = 2;

/** Parameters of the draw. At temperature 0 the seed has no effect. */
export interface Drawing {
  readonly temperature: number;
  readonly seed: number;
}

/** Candidates of one position: token ID and logit, up to a constant that all of them share. */
export type Candidates = readonly (readonly [token: number, logit: number])[];

/** Returns the candidates whose probability a float can represent. */
export function candidatesOf(probabilities: ReadonlyMap<number, number>): Candidates {
  const candidates: [number, number][] = [];
  for (const [token, probability] of probabilities) {
    if (probability > 0) candidates.push([token, Math.log(probability)]);
  }
  return candidates;
}

/**
 * Draws a token; the lower ID of two with equal scores, null without candidates. `position` counts the tokens of the
 * answer before it.
 */
export function drawToken(candidates: Candidates, drawing: Drawing, position: number): number | null {
  return best(candidates, drawing, position)?.token ?? null;
}

/**
 * Returns by how many logits the claimed token falls short of the drawn one: 0 for the drawn one, {@link GAP_MAX} for one
 * that is no candidate.
 */
export function gapOf(candidates: Candidates, drawing: Drawing, position: number, claimed: number): number {
  const own = candidates.find(([token]) => token === claimed);
  const drawn = best(candidates, drawing, position);
  if (own === undefined || drawn === null) return GAP_MAX;
  if (drawn.token === claimed) return 0;
  const gap = drawn.score - scoring(drawing, position)(...own);
  return Math.min(GAP_MAX, Math.max(0, gap));
}

/** A candidate with its place among the others and the score of the draw. */
export interface Scored {
  readonly token: number;
  readonly logit: number;
  readonly index: number;
  readonly score: number;
}

/** Returns the candidates with the scores of which the draw takes the highest. */
export function scoresOf(candidates: Candidates, drawing: Drawing, position: number): Scored[] {
  const score = scoring(drawing, position);
  return candidates.map(([token, logit], index) => ({ token, logit, index, score: score(token, logit) }));
}

/** Orders what is drawn first; of equal scores, the lower ID. */
export function byScore(a: Pick<Scored, 'token' | 'score'>, b: Pick<Scored, 'token' | 'score'>): number {
  return b.score - a.score || a.token - b.token;
}

function best(candidates: Candidates, drawing: Drawing, position: number) {
  const score = scoring(drawing, position);
  let found: { readonly token: number; readonly score: number } | null = null;
  for (const [token, logit] of candidates) {
    const own = { token, score: score(token, logit) };
    if (found === null || byScore(own, found) < 0) found = own;
  }
  return found;
}

function scoring({ temperature, seed }: Drawing, position: number): (token: number, logit: number) => number {
  if (temperature === 0) return (_, logit) => logit;
  return (token, logit) => logit + temperature * gumbelNoise(seed, position, token);
}

/** Returns a number with the standard Gumbel distribution. */
function gumbelNoise(seed: number, position: number, token: number): number {
  const uniform = (murmurHash3([position, token], seed) + 0.5) / 2 ** 32;
  return -Math.log(-Math.log(uniform));
}

/** MurmurHash3_x86_32 (Austin Appleby, public domain) of little-endian 32-bit words. */
export function murmurHash3(words: readonly number[], seed: number): number {
  let hash = seed | 0;
  for (const word of words) {
    let mixed = Math.imul(word, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash ^= mixed;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= words.length * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Verifies: tokens are drawn with exactly the probabilities of the softmax, from noise that anyone can repeat.
 * Setup: MurmurHash3's published vectors, a chi-square test over many positions and seeds, and random candidates.
 * Fails if: the noise isn't the documented hash, prefers some tokens, or a gap isn't measured from the drawn token.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Candidates,
  candidatesOf,
  drawToken,
  GAP_MAX,
  gapOf,
  murmurHash3,
} from '../../../main/adapters/llama/gumbel-noise.ts';

const LOGITS: Candidates = [2, 1.5, 1.2, 0, -0.5, -1, -2, -3].map((logit, token) => [token, logit]);
const DRAWS = 40_000;
/** Of chi-square with 7 degrees of freedom, exceeded once in 10,000 times. */
const CHI_SQUARE_MAX = 29.9;

const candidates = fc
  .uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.double({ min: -30, max: 30, noNaN: true })),
    { selector: ([token]) => token, minLength: 1, maxLength: 40 },
  )
  .map((pairs): Candidates => pairs);
const drawings = fc.record({
  temperature: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 2, noNaN: true })),
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
});
const positions = fc.integer({ min: 0, max: 100_000 });

function chiSquare(temperature: number, drawnAt: (draw: number) => number | null): number {
  const weights = LOGITS.map(([, logit]) => Math.exp(logit / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const counts = LOGITS.map(() => 0);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const token = drawnAt(draw);
    assert.ok(token !== null);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.reduce((total, count, token) => {
    const expected = (DRAWS * (weights[token] ?? 0)) / sum;
    return total + (count - expected) ** 2 / expected;
  }, 0);
}

describe('noise', () => {
  it('is MurmurHash3 with the vectors that its implementations publish', () => {
    assert.equal(murmurHash3([], 1), 0x514e28b7);
    assert.equal(murmurHash3([0], 0), 0x2362f9de);
    assert.equal(murmurHash3([0xffff_ffff], 0), 0x76293b50);
    assert.equal(murmurHash3([0x8765_4321], 0), 0xf55b516b);
    assert.equal(murmurHash3([0x61616161], 0x9747b28c), 0x5a97808a);
    // "abcdefgh" in two words.
    assert.equal(murmurHash3([0x64636261, 0x68676665], 0x9747b28c), murmurHash3Bytes('abcdefgh', 0x9747b28c));
  });

  for (const temperature of [0.5, 0.7, 1, 1.5]) {
    it(`draws by the softmax at temperature ${temperature}, over positions and over seeds`, () => {
      const overPositions = chiSquare(temperature, (draw) =>
        drawToken(LOGITS, { temperature, seed: 7 }, draw),
      );
      const overSeeds = chiSquare(temperature, (seed) => drawToken(LOGITS, { temperature, seed }, 0));
      assert.ok(overPositions < CHI_SQUARE_MAX, `${overPositions} over positions`);
      assert.ok(overSeeds < CHI_SQUARE_MAX, `${overSeeds} over seeds`);
    });
  }
});

/** The reference algorithm on bytes, written apart from the implementation, with multiplication in big integers. */
function murmurHash3Bytes(text: string, seed: number): number {
  const bytes = Buffer.from(text);
  const times = (a: number, b: number) => Number((BigInt(a >>> 0) * BigInt(b)) & 0xffff_ffffn);
  const rotate = (value: number, by: number) => ((value << by) | (value >>> (32 - by))) >>> 0;
  let hash = seed;
  for (let at = 0; at < bytes.length; at += 4) {
    const block = times(rotate(times(bytes.readUInt32LE(at), 0xcc9e2d51), 15), 0x1b873593);
    hash = (times(rotate((hash ^ block) >>> 0, 13), 5) + 0xe6546b64) % 2 ** 32;
  }
  hash = (hash ^ bytes.length) >>> 0;
  hash = times((hash ^ (hash >>> 16)) >>> 0, 0x85ebca6b);
  hash = times((hash ^ (hash >>> 13)) >>> 0, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

describe('gap', () => {
  it('is 0 for the drawn token alone, and within its limits for every other one', () => {
    fc.assert(
      fc.property(candidates, drawings, positions, (given, drawing, position) => {
        const drawn = drawToken(given, drawing, position);
        for (const [token] of given) {
          const gap = gapOf(given, drawing, position, token);
          if (token === drawn) assert.equal(gap, 0);
          else assert.ok(gap >= 0 && gap <= GAP_MAX);
        }
        assert.equal(gapOf(given, drawing, position, 1_000_000), GAP_MAX);
      }),
    );
  });

  it('doesn’t depend on a constant that all logits share', () => {
    fc.assert(
      fc.property(
        candidates,
        drawings,
        positions,
        fc.integer({ min: -9, max: 9 }),
        (given, drawing, position, by) => {
          const [claimed] = given[0] ?? [0];
          const shifted = given.map(([token, logit]) => [token, logit + by] as const);
          const [gap, other] = [given, shifted].map((each) => gapOf(each, drawing, position, claimed));
          assert.ok(Math.abs((gap ?? 0) - (other ?? 0)) < 1e-6, `${gap} and ${other}`);
        },
      ),
    );
  });

  it('at temperature 0 is the difference of the logits', () => {
    const drawing = { temperature: 0, seed: 1 };
    assert.equal(drawToken(LOGITS, drawing, 3), 0);
    assert.equal(gapOf(LOGITS, drawing, 3, 1), 0.5);
    assert.equal(gapOf(LOGITS, drawing, 3, 7), GAP_MAX);
  });
});

describe('candidates', () => {
  it('leave out what a float can’t represent', () => {
    assert.deepEqual(
      candidatesOf(
        new Map([
          [4, 1],
          [5, 0],
        ]),
      ),
      [[4, 0]],
    );
    assert.equal(drawToken([], { temperature: 1, seed: 1 }, 0), null);
  });
});

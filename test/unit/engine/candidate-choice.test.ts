/**
 * Verifies: a token that a grammar allows is drawn as if all candidates had been asked about, however few were.
 * Method: random candidates, grammars, masks and seeds; the quick draw against one that filters and masks first.
 * Fails if: a candidate outside of top-k, top-p or min-p of the allowed ones is drawn, or another one than in a check.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allowedCandidates,
  drawAllowed,
  sortCandidates,
} from '../../../main/adapters/llama/candidate-choice.ts';
import { drawToken } from '../../../main/adapters/llama/gumbel-noise.ts';

const candidates = fc
  .uniqueArray(
    fc.tuple(
      fc.nat(50_000),
      fc.integer({ min: -1_000, max: 0 }).map((hundredths) => hundredths / 100),
    ),
    {
      selector: ([token]) => token,
      minLength: 1,
      maxLength: 60,
    },
  )
  .map(sortCandidates);
const plan = fc.record({
  temperature: fc.constantFrom(0, 0.1, 0.7, 2),
  seed: fc.nat(0xffff_ffff),
  topK: fc.constantFrom(0, 1, 2, 5, 40),
  topP: fc.constantFrom(1, 1, 0.95, 0.3),
  minP: fc.constantFrom(0, 0, 0.05, 0.5),
});
/** Allows one token in so many. */
const rarity = fc.constantFrom(1, 2, 5, 1_000_000);

test('draws what filtering, masking and drawing in this order draws', () => {
  fc.assert(
    fc.property(candidates, plan, rarity, fc.nat(200), (sorted, settings, oneIn, position) => {
      const bound = { sorted, allows: (token: number) => (token * 7_919 + position) % oneIn === 0 };
      const expected = drawToken(allowedCandidates(bound, settings), settings, position);
      assert.equal(drawAllowed(bound, settings, position), expected);
    }),
    { numRuns: 5_000 },
  );
});

test('leaves over the best allowed candidates, and only those', () => {
  const sorted = [5, 4, 3, 2, 1].map((token) => [token, token] as const);
  const kept = (more: object, odd = (token: number) => token % 2 === 1) =>
    allowedCandidates({ sorted, allows: odd }, { temperature: 1, topK: 40, topP: 1, minP: 0, ...more }).map(
      ([token]) => token,
    );
  assert.deepEqual(kept({}), [5, 3, 1]);
  assert.deepEqual(kept({ topK: 2 }), [5, 3]);
  assert.deepEqual(kept({ topK: 0 }), [5, 3, 1]);
  assert.deepEqual(kept({ topP: 0.5 }), [5]);
  assert.deepEqual(kept({ minP: 0.1 }), [5, 3]);
  assert.deepEqual(
    kept({ temperature: 0, topK: 1, topP: 0.1 }),
    [5, 3, 1],
    'the masks have no effect on the best',
  );
  assert.deepEqual(
    kept({}, () => false),
    [],
  );
});

test('asks about few tokens where the first is allowed', () => {
  const sorted = Array.from({ length: 1_024 }, (_, index) => [index, -index / 100] as const);
  let asked = 0;
  const allows = (token: number) => {
    asked += 1;
    return token % 2 === 0;
  };
  const settings = { temperature: 0.7, seed: 1, topK: 40, topP: 1, minP: 0 };
  for (let position = 0; position < 100; position++)
    assert.ok(drawAllowed({ sorted, allows }, settings, position) !== null);
  assert.ok(asked < 100 * 100, `${asked} questions for 100 tokens`);
});

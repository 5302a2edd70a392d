/**
 * Verifies: the most capable model that fits and is fast enough comes first, with the reason of each place.
 * Setup: models with chosen fit, size and speed; random lists of such models.
 * Fails if: a model that doesn't fit, is slow or can't chat is called the best, or the order depends on how the catalog
 *   happens to list them.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Candidate, rankModels } from '../../../main/core/models/index.ts';
import {
  MODEL_STRENGTHS,
  type ModelSuits,
  modelFitSchema,
  modelUseSchema,
} from '../../../shared/model-files.ts';

type Rated = Candidate & { readonly speed: number | null };

function model(id: string, change: Partial<Rated> = {}): Rated {
  return {
    id,
    fit: 'fits',
    use: 'chat',
    strengths: ['chat'],
    released: 2025,
    parameters: '4B',
    quantisation: 'Q4_K_M',
    sizeBytes: 2_500_000_000,
    bundled: false,
    speed: 20,
    ...change,
  };
}

function isGood(suits: ModelSuits): boolean {
  return suits === 'best' || suits === 'good';
}

function rank(...models: readonly Rated[]): string[] {
  return rankModels(models, ({ speed }) => speed).map(({ id, suits }) => `${id} ${suits}`);
}

describe('the rank of models', () => {
  it('puts the most capable one first that fits and is fast enough', () => {
    assert.deepEqual(
      rank(
        model('small', { parameters: '135M', speed: 150 }),
        model('huge', { parameters: '70B', fit: 'does-not-fit', speed: null }),
        model('slow', { parameters: '14B', speed: 3 }),
        model('medium', { parameters: '4B', speed: 20 }),
        model('tight', { parameters: '8B', fit: 'tight', speed: 12 }),
      ),
      ['medium best', 'small good', 'tight tight', 'slow slow', 'huge does-not-fit'],
    );
  });

  it('prefers the newer of two of one class, then the faster, and finer weights to very coarse ones', () => {
    assert.deepEqual(
      rank(
        model('old', { parameters: '7B', released: 2024, speed: 40 }),
        model('of the owner', { parameters: '7B', released: null, speed: 50 }),
        model('new', { parameters: '8B', released: 2025, speed: 20 }),
      ),
      ['new best', 'old good', 'of the owner good'],
    );
    assert.deepEqual(rank(model('a', { speed: 9 }), model('b', { parameters: '3B', speed: 30 })), [
      'b best',
      'a good',
    ]);
    assert.deepEqual(
      rank(
        model('coarse', { parameters: '8B', quantisation: 'Q2_K', speed: 40 }),
        model('fine', { parameters: '7B' }),
      ),
      ['fine best', 'coarse good'],
    );
    assert.deepEqual(rank(model('experts', { parameters: '8x7B' }), model('dense', { parameters: '32B' })), [
      'experts best',
      'dense good',
    ]);
  });

  it('calls none the best while no speed is known, and none that can’t chat or ships for tests', () => {
    assert.deepEqual(
      rank(
        model('tests', { bundled: true }),
        model('continues', { use: 'text', strengths: [], speed: 90 }),
        model('unknown', { fit: 'unknown' }),
        model('fits', { speed: null }),
      ),
      ['fits unmeasured', 'unknown unknown', 'continues not-chat', 'tests test-only'],
    );
    assert.deepEqual(rank(), []);
  });
});

describe('the best for each use', () => {
  it('is named, and the best for this machine is only one that chats', () => {
    const ranked = rankModels(
      [
        model('vectors', { use: 'embedding', strengths: ['embedding'], parameters: '0.6B', speed: null }),
        model('more vectors', {
          ...{ use: 'embedding', strengths: ['embedding'], parameters: '0.5B', speed: null, sizeBytes: 1 },
        }),
        model('codes', { strengths: ['code'], parameters: '14B', speed: 30 }),
        model('thinks', { strengths: ['chat', 'reasoning'], parameters: '14B', speed: 20 }),
        model('large code', { strengths: ['code'], parameters: '30B', fit: 'tight' }),
        model('on the CPU', { parameters: '30B', fit: 'partly', speed: 60 }),
      ],
      ({ speed }) => speed,
    );
    assert.deepEqual(
      ranked.map(({ id, suits, bestFor }) => [id, suits, bestFor]),
      [
        ['thinks', 'best', ['chat', 'reasoning']],
        ['codes', 'good', ['code']],
        ['vectors', 'good', ['embedding']],
        ['more vectors', 'good', []],
        ['large code', 'tight', []],
        ['on the CPU', 'partly', []],
      ],
    );
  });

  it('doesn’t depend on the order of the list, and never calls more than one the best', () => {
    const candidate = fc.record({
      fit: fc.constantFrom(...modelFitSchema.options),
      use: fc.constantFrom(...modelUseSchema.options),
      strengths: fc.subarray([...MODEL_STRENGTHS]),
      parameters: fc.constantFrom('135M', '1.5B', '8x7B', '70B', '', 'many'),
      speed: fc.option(fc.integer({ min: 0, max: 100 })),
      bundled: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 8 }), (changes) => {
        const models = changes.map((change, index) =>
          model(`m${index}`, { ...change, sizeBytes: 1_000 + index }),
        );
        const ranked = rankModels(models, ({ speed }) => speed);
        assert.deepEqual(
          rankModels(models.toReversed(), ({ speed }) => speed),
          ranked,
        );
        for (const strength of MODEL_STRENGTHS) {
          const able = ranked.filter(({ suits, strengths }) => isGood(suits) && strengths.includes(strength));
          assert.deepEqual(
            ranked.filter(({ bestFor }) => bestFor.includes(strength)),
            able.slice(0, 1),
          );
        }
        for (const { suits, fit, use, bundled, speed } of ranked.filter((each) => isGood(each.suits)))
          assert.ok(
            fit === 'fits' &&
              use !== 'text' &&
              !bundled &&
              (use === 'embedding' || (speed !== null && speed >= 6)),
            suits,
          );
      }),
    );
  });
});

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

type Rated = Candidate & { readonly speed: number | null };

function model(id: string, change: Partial<Rated> = {}): Rated {
  return {
    id,
    fit: 'fits',
    use: 'chat',
    parameters: '4B',
    quantisation: 'Q4_K_M',
    sizeBytes: 2_500_000_000,
    bundled: false,
    speed: 20,
    ...change,
  };
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

  it('prefers the faster of two that are equally capable, and finer weights to very coarse ones', () => {
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
        model('vectors', { use: 'embedding', speed: 90 }),
        model('unknown', { fit: 'unknown' }),
        model('fits', { speed: null }),
      ),
      ['fits unmeasured', 'unknown unknown', 'vectors not-chat', 'tests test-only'],
    );
    assert.deepEqual(rank(), []);
  });

  it('doesn’t depend on the order of the list, and never calls more than one the best', () => {
    const candidate = fc.record({
      fit: fc.constantFrom('fits' as const, 'tight' as const, 'does-not-fit' as const, 'unknown' as const),
      use: fc.constantFrom('chat' as const, 'text' as const, 'embedding' as const),
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
        const best = ranked.filter(({ suits }) => suits === 'best');
        assert.equal(best.length, ranked.some(({ suits }) => suits === 'good') || best.length > 0 ? 1 : 0);
        for (const { fit, use, bundled, speed } of best)
          assert.ok(fit === 'fits' && use === 'chat' && !bundled && speed !== null && speed >= 6);
      }),
    );
  });
});

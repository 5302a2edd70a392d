/**
 * Verifies: there are never more threads than free cores, and always at least one.
 * Setup: examples and properties.
 * Fails if: threads spin without a core of their own, so that one token takes seconds on a busy machine.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chooseThreads } from '../../../main/core/engine/index.ts';

describe('choice of threads', () => {
  it('leaves one core free and deducts the load of other programs', () => {
    assert.equal(chooseThreads({ physicalCores: 2, logicalCores: 2, busyCores: null }), 1);
    assert.equal(chooseThreads({ physicalCores: 8, logicalCores: 16, busyCores: 0 }), 7);
    assert.equal(chooseThreads({ physicalCores: 8, logicalCores: 16, busyCores: 2.5 }), 5);
    assert.equal(chooseThreads({ physicalCores: 8, logicalCores: 3, busyCores: 0 }), 2);
    assert.equal(chooseThreads({ physicalCores: null, logicalCores: 8, busyCores: null }), 3);
    assert.equal(chooseThreads({ physicalCores: 1, logicalCores: 1, busyCores: 1 }), 1);
  });

  it('stays between one and the number of physical cores, and never rises with load', () => {
    const cores = fc.integer({ min: 1, max: 128 });
    const busy = fc.double({ min: 0, max: 200, noNaN: true });
    fc.assert(
      fc.property(cores, cores, busy, busy, (physicalCores, logicalCores, a, b) => {
        const of = (busyCores: number) => chooseThreads({ physicalCores, logicalCores, busyCores });
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        assert.ok(of(less) >= 1 && of(less) <= Math.min(physicalCores, logicalCores));
        assert.ok(of(more) <= of(less));
      }),
    );
  });
});

/**
 * Verifies: the median is a typical run, and the spread shows how steady the runs were.
 * Setup: examples and properties.
 * Fails if: one slow run moves the result, or a spread is reported without enough data.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { median, spreadPercent } from '../../../shared/statistics.ts';

it('returns the median, and null without values', () => {
  assert.equal(median([]), null);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

it('returns a spread only for three or more values, and none for a median of zero', () => {
  assert.equal(spreadPercent([1, 2]), null);
  assert.equal(spreadPercent([5, 5, 5]), 0);
  assert.equal(spreadPercent([90, 100, 110]), 10);
  assert.equal(spreadPercent([-1, 0, 1]), null);
});

it('the median lies between the extremes, in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
      const middle = median(values);
      assert.ok(middle !== null && middle >= Math.min(...values) && middle <= Math.max(...values));
      assert.equal(median([...values].reverse()), middle);
    }),
  );
});

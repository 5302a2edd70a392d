/**
 * Verifies: the charge counts cached tokens at their own price, which never exceeds the input price.
 * Setup: drawn prices and counts.
 * Fails if: a count of cached tokens, which a buyer can't verify, could raise a charge.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { charge } from '../../../shared/price.ts';

const price = fc.bigInt({ min: 0n, max: 10n ** 12n }).map(String);
const tokens = fc.integer({ min: 0, max: 1_000_000 });

it('a cached token costs its own price, and the sum is rounded up once', () => {
  const prices = { inputPerMillion: '2000000', outputPerMillion: '8000000', cachedInputPerMillion: '500000' };
  assert.equal(charge(prices, { input: 10, cached: 3, output: 2 }), 14n + 2n + 16n);
  assert.equal(
    charge({ inputPerMillion: '1', outputPerMillion: '1' }, { input: 1, cached: 1, output: 1 }),
    1n,
  );
});

it('cached tokens only lower a charge, and change nothing without a price of their own (property)', () => {
  const drawn = fc.record({
    input: price,
    output: price,
    cachedInput: price,
    read: tokens,
    cached: tokens,
    made: tokens,
  });
  fc.assert(
    fc.property(drawn, ({ input, output, cachedInput, read, cached, made }) => {
      const prices = { inputPerMillion: input, outputPerMillion: output };
      const counts = { input: read + cached, cached, output: made };
      const full = charge(prices, { input: read + cached, output: made });
      assert.equal(charge(prices, counts), full);
      assert.ok(charge({ ...prices, cachedInputPerMillion: cachedInput }, counts) <= full);
    }),
  );
});

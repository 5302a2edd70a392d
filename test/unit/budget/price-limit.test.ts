/**
 * Verifies: the price limit never exceeds what owner and client allow, for any offer.
 * Setup: random settings, headers, prices paid and offers.
 * Fails if: offers alone raise a limit above its fixed range, a client raises the owner's maximum, or a header is misread.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createPaidPrices, priceLimit, readMaxPrice } from '../../../main/core/budget/price-limits.ts';
import { BUYING_DEFAULTS } from '../../../shared/buying-limits.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const units = fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }).map(String);
const price = fc.record({ inputPerMillion: units, outputPerMillion: units });
const orNull = <T>(from: fc.Arbitrary<T>) => fc.option(from, { nil: null });
const RANGE = { inputPerMillion: [100_000n, 2_000_000n], outputPerMillion: [400_000n, 8_000_000n] } as const;

describe('price limit', () => {
  it('is the lower one of the owner’s and the client’s, or else within the fixed range', () => {
    fc.assert(
      fc.property(
        orNull(price),
        orNull(price),
        orNull(price),
        fc.array(price),
        orNull(price),
        (general, own, asked, offered, last) => {
          const paid = createPaidPrices(createMemoryRecordStore());
          if (last !== null) paid.note('model', last);
          const limits = {
            ...BUYING_DEFAULTS,
            buyPriceInputMax: general?.inputPerMillion ?? null,
            buyPriceOutputMax: general?.outputPerMillion ?? null,
            buyModelPrices: own === null ? [] : [{ model: 'model', ...own }],
          };
          const limit = priceLimit(limits, paid, { model: 'model', asked, offered });
          for (const key of ['inputPerMillion', 'outputPerMillion'] as const) {
            const given = [(own ?? general)?.[key], asked?.[key]].flatMap((each) =>
              each === undefined ? [] : [BigInt(each)],
            );
            const value = BigInt(limit[key]);
            if (given.length > 0) assert.equal(value, given.sort((a, b) => (a < b ? -1 : 1))[0]);
            else assert.ok(value >= RANGE[key][0] && value <= RANGE[key][1]);
          }
        },
      ),
    );
  });

  it('follows the median: half of the offers don’t move it to their price', () => {
    const paid = createPaidPrices(createMemoryRecordStore());
    const honest = { inputPerMillion: '50000', outputPerMillion: '200000' };
    const high = { inputPerMillion: '999999999', outputPerMillion: '999999999' };
    const offered = [honest, honest, high, high];
    const limit = priceLimit(BUYING_DEFAULTS, paid, { model: 'a', asked: null, offered });
    assert.deepEqual(limit, { inputPerMillion: '200000', outputPerMillion: '800000' });
  });

  it('stays where it is when a provider sells at almost no price', () => {
    const paid = createPaidPrices(createMemoryRecordStore());
    paid.note('a', { inputPerMillion: '300000', outputPerMillion: '900000' });
    paid.note('a', { inputPerMillion: '1', outputPerMillion: '1' });
    paid.note('a', { inputPerMillion: '400000', outputPerMillion: '2' });
    assert.deepEqual(paid.of('a'), { inputPerMillion: '400000', outputPerMillion: '900000' });
  });

  it('stores the price of a limited number of models', () => {
    const records = createMemoryRecordStore();
    const paid = createPaidPrices(records);
    const one = { inputPerMillion: '1', outputPerMillion: '1' };
    for (let index = 0; index < 300; index += 1) paid.note(`model-${index}`, one);
    assert.equal(records.list('bought-price').length, 256);
    assert.deepEqual(paid.of('model-0'), one);
    records.set('bought-price', 'model-0', '"damaged"');
    assert.equal(paid.of('model-0'), null);
  });
});

describe('header with the maximum price', () => {
  it('reads both prices, and rejects everything else', () => {
    assert.equal(readMaxPrice(undefined), null);
    const both = { inputPerMillion: '1', outputPerMillion: '2' };
    assert.deepEqual(readMaxPrice(' input=1;output=2 '), both);
    assert.deepEqual(readMaxPrice('Input=1 , Output=2'), both);
    for (const wrong of [
      '',
      '1',
      'input=1',
      'output=2; input=1',
      'input=1.5; output=2',
      'input=1; output=2; x=3',
    ]) {
      assert.throws(() => readMaxPrice(wrong), { code: 'bad-request' }, wrong);
    }
  });
});

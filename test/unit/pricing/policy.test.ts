/**
 * Verifies: a price that follows the market stays within the owner's bounds, covers electricity, and can't be moved by a
 * minority of the market; lines of batches are cheaper in off-peak hours only.
 * Setup: the pure policy over random rules, markets and costs.
 * Fails if: others can make this machine sell below a bound or at a loss, or the owner's own price isn't the price.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PriceFacts, type PriceRules, powerCostOf, quoteOf } from '../../../main/core/pricing/index.ts';
import type { Price } from '../../../shared/price.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';

const units = fc.bigInt({ min: 1n, max: 10n ** 10n });
const prices: fc.Arbitrary<Price> = fc
  .tuple(units, units)
  .map(([input, output]) => ({ inputPerMillion: `${input}`, outputPerMillion: `${output}` }));
const rules: fc.Arbitrary<PriceRules> = fc
  .record({
    own: prices,
    pricePolicy: fc.constantFrom('fixed' as const, 'market' as const),
    priceLowestPercent: fc.integer({ min: 1, max: 100 }),
    priceHighestPercent: fc.integer({ min: 100, max: 1_000 }),
    batchDiscountPercent: fc.integer({ min: 0, max: 90 }),
  })
  .map(({ own, ...rest }) => ({
    priceInputPerMillion: own.inputPerMillion,
    priceOutputPerMillion: own.outputPerMillion,
    ...rest,
  }));
const cost = fc.double({ min: 0, max: 1e9, noNaN: true });
const facts: fc.Arbitrary<PriceFacts> = fc.record({
  market: fc.array(prices, { maxLength: 12 }),
  powerCost: fc.option(fc.record({ input: cost, output: cost })),
  isOffPeak: fc.boolean(),
});

const DIRECTIONS = [
  ['input', 'inputPerMillion', 'priceInputPerMillion'],
  ['output', 'outputPerMillion', 'priceOutputPerMillion'],
] as const;
const RULES: PriceRules = { ...DEFAULT_SETTINGS, pricePolicy: 'market' };
const NO_FACTS: PriceFacts = { market: [], powerCost: null, isOffPeak: false };
const same = (output: number): Price => ({ inputPerMillion: '20000', outputPerMillion: `${output}` });
const outputOf = (given: Partial<PriceFacts>, changed: Partial<PriceRules> = {}) => {
  const { price, reason } = quoteOf({ ...RULES, ...changed }, { ...NO_FACTS, ...given });
  return [price.outputPerMillion, reason];
};

describe('a price', () => {
  it('is the owner’s own, unless it is to follow the market', () => {
    fc.assert(
      fc.property(rules, facts, (given, known) => {
        const { price, reason } = quoteOf({ ...given, pricePolicy: 'fixed' }, known);
        assert.deepEqual(
          [price.inputPerMillion, price.outputPerMillion, reason],
          [given.priceInputPerMillion, given.priceOutputPerMillion, 'own'],
        );
      }),
    );
  });

  it('that follows the market is within the bounds, or what electricity costs if that is more', () => {
    fc.assert(
      fc.property(rules, facts, (given, known) => {
        const { price } = quoteOf({ ...given, pricePolicy: 'market' }, known);
        for (const [direction, name, setting] of DIRECTIONS) {
          const own = BigInt(given[setting]);
          const floor = BigInt(Math.ceil(known.powerCost?.[direction] ?? 0));
          const lowest = (own * BigInt(given.priceLowestPercent)) / 100n;
          const highest = (own * BigInt(given.priceHighestPercent)) / 100n;
          const actual = BigInt(price[name]);
          assert.ok(actual >= 1n && actual >= floor && actual >= lowest);
          assert.ok(actual <= (highest > floor ? highest : floor) || actual === 1n);
        }
      }),
    );
  });

  it('isn’t moved past the others’ prices by a minority, in any order of the offers', () => {
    const wide = { priceLowestPercent: 1, priceHighestPercent: 1_000 };
    fc.assert(
      fc.property(
        fc.array(prices, { maxLength: 4 }),
        fc.array(fc.integer({ min: 50_000, max: 120_000 }), { minLength: 5, maxLength: 9 }),
        fc.nat(),
        (ring, honest, turn) => {
          const market = [...ring, ...honest.map(same)];
          const turned = [...market.slice(turn % market.length), ...market.slice(0, turn % market.length)];
          const [price] = outputOf({ market: turned }, wide);
          assert.deepEqual(outputOf({ market }, wide)[0], price);
          // Rounded to two digits
          assert.ok(
            Number(price) >= Math.min(...honest) * 0.95 && Number(price) <= Math.max(...honest) * 1.05,
          );
        },
      ),
    );
  });

  it('names its reason', () => {
    const market = [70_000, 71_400, 90_000].map(same);
    assert.deepEqual(outputOf({ market }), ['71000', 'market']);
    assert.deepEqual(outputOf({ market: market.slice(0, 2) }), ['80000', 'own']);
    assert.deepEqual(outputOf({ market: [1, 2, 3].map(same) }), ['40000', 'lowest']);
    assert.deepEqual(outputOf({ market: [1e9, 1e9, 1e9].map(same) }), ['160000', 'highest']);
    const powerCost = { input: 1, output: 90_000.2 };
    assert.deepEqual(outputOf({ market, powerCost }), ['90001', 'power']);
    assert.deepEqual(outputOf({ powerCost: { input: 1, output: 500_000 } }), ['500000', 'power']);
  });
});

describe('the price of batches', () => {
  it('is never higher than that of live requests, nor below electricity unless that is, too', () => {
    fc.assert(
      fc.property(rules, facts, (given, known) => {
        const { price, batchPrice } = quoteOf(given, known);
        if (batchPrice === null) return;
        assert.ok(known.isOffPeak && given.batchDiscountPercent > 0);
        for (const [direction, name] of DIRECTIONS) {
          const [live, batch] = [BigInt(price[name]), BigInt(batchPrice[name])];
          const floor = BigInt(Math.ceil(known.powerCost?.[direction] ?? 0));
          assert.ok(batch >= 1n && batch <= live);
          assert.ok(batch >= floor || batch === live);
        }
      }),
    );
  });

  it('is discounted in off-peak hours only', () => {
    const rule = { ...RULES, batchDiscountPercent: 25 };
    assert.equal(quoteOf(rule, NO_FACTS).batchPrice, null);
    const { batchPrice } = quoteOf(rule, { ...NO_FACTS, isOffPeak: true });
    assert.deepEqual(batchPrice, { inputPerMillion: '15000', outputPerMillion: '60000' });
  });
});

describe('the cost of electricity', () => {
  const known = {
    watts: 200,
    microUsdPerKilowattHour: 300_000,
    prefillTokensPerSecond: 1_000,
    decodeTokensPerSecond: 50,
  };

  it('is that of the time that a million tokens take', () => {
    // 200 W for 20,000 s are 1.11 kWh, at 0.30 USD each.
    const { input = 0, output = 0 } = powerCostOf(known) ?? {};
    assert.equal(Math.round(output), 333_333);
    assert.equal(Math.round(input), 16_667);
  });

  it('is unknown while anything of it is', () => {
    for (const name of Object.keys(known)) assert.equal(powerCostOf({ ...known, [name]: null }), null);
    assert.equal(powerCostOf({ ...known, decodeTokensPerSecond: 0 }), null);
  });
});

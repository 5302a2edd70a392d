/**
 * Verifies: the forecast is a range that names its basis, does not treat practice as a market, and is compared with
 * the actual earnings.
 * Setup: examples calculated by hand, properties over any facts, and days that pass on a clock that the test moves.
 * Fails if: a range is upside down, unknown power counts as free, a forecast changes after its day began.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { estimate, marketPrices } from '../../../main/core/forecast/estimate.ts';
import {
  createForecasts,
  createWattsMeter,
  earnedPerBusyHour,
  type ForecastFacts,
} from '../../../main/core/forecast/index.ts';
import { forecastSchema } from '../../../shared/forecast.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET } from '../../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const HOUR_MS = 3_600_000;
const price = (input: number, output: number) => ({
  inputPerMillion: String(input),
  outputPerMillion: String(output),
});
const FRESH: ForecastFacts = {
  model: 'm',
  prefillTokensPerSecond: 400,
  decodeTokensPerSecond: 40,
  ownPrice: price(20_000, 80_000),
  marketPrices: [],
  days: [],
  isMarket: true,
  scheduledHours: 24,
  tokens: { read: 0, written: 0 },
  watts: null,
  powerPriceMicroUsd: null,
  isMicroUsd: true,
};
const KNOWN: ForecastFacts = {
  ...FRESH,
  marketPrices: [price(10_000, 100_000), price(20_000, 200_000)],
  days: [
    { freeHours: 10, busyHours: 1 },
    { freeHours: 8, busyHours: 4 },
    { freeHours: 12, busyHours: 3 },
    { freeHours: 6, busyHours: 6 },
    { freeHours: 10, busyHours: 2 },
  ],
  tokens: { read: 20_000, written: 10_000 },
  watts: { value: 100, source: 'sensor' },
  powerPriceMicroUsd: 300_000,
};

test('a machine that was just measured ranges from nothing to a full day at its own price', () => {
  const { earned, power, net, basis } = estimate(FRESH);
  // Half a prompt token per generated token: 1/800 + 1/40 s, and 0.09 base units, per generated token.
  const perHour = (3_600 / (0.5 / 400 + 1 / 40)) * ((20_000 * 0.5 + 80_000) / 1_000_000);
  const more = (3_600 / (4 / 400 + 1 / 40)) * ((20_000 * 4 + 80_000) / 1_000_000);
  assert.deepEqual(earned, { low: '0', high: String(Math.round(24 * Math.max(perHour, more))) });
  assert.deepEqual([power, net], [null, null]);
  assert.deepEqual(
    [basis.price, basis.hours.from, basis.use.from, basis.readPerWritten.from],
    ['own', 'schedule', 'unknown', 'assumed'],
  );
});

test('with days, jobs, offers, power draw and price: the middle half of the days, after electricity', () => {
  const { earned, power, net, basis } = estimate(KNOWN);
  assert.deepEqual(basis.hours, { low: 8, high: 10, from: 'history' });
  assert.deepEqual(basis.use, { low: 0.2, high: 0.5, from: 'history' });
  const seconds = 2 / 400 + 1 / 40;
  const low = 8 * 0.2 * (3_600 / seconds) * ((10_000 * 2 + 100_000) / 1_000_000);
  const high = 10 * 0.5 * (3_600 / seconds) * ((20_000 * 2 + 200_000) / 1_000_000);
  assert.deepEqual(earned, { low: String(Math.round(low)), high: String(Math.round(high)) });
  assert.deepEqual(power, { low: '48000', high: '150000' });
  assert.deepEqual(net, {
    low: String(Math.round(Math.min(low - 48_000, high - 150_000))),
    high: String(Math.round(Math.max(low - 48_000, high - 150_000))),
  });
  assert.equal(basis.offers, 2);
});

test('ignores the demand and the prices of the practice requester', () => {
  const { basis } = estimate({ ...KNOWN, isMarket: false, marketPrices: [] });
  assert.deepEqual(
    [basis.price, basis.use, basis.readPerWritten.from],
    ['own', { low: 0, high: 1, from: 'unknown' }, 'assumed'],
  );
  assert.equal(basis.hours.from, 'history', 'the owner’s hours are real');
});

test('a market price is for the same file in the same asset, under any name', () => {
  const model = (id: string, sha256: string, output: number) => ({
    ...OFFERED,
    id,
    sha256,
    price: price(10, output),
  });
  const [ours, theirs] = ['a'.repeat(64), 'b'.repeat(64)];
  const offers = [
    { asset: FAKE_ASSET, models: [model('m', ours, 1), model('another', theirs, 2)] },
    { asset: FAKE_ASSET, models: [model('m', theirs, 3)] },
    { asset: FAKE_ASSET, models: [model('m-renamed', ours, 4)] },
    { asset: { ...FAKE_ASSET, id: 'eip155:1/erc20:other' }, models: [model('m', ours, 5)] },
  ];
  assert.deepEqual(marketPrices(offers, { assetId: FAKE_ASSET.id, sha256: ours }), [
    price(10, 1),
    price(10, 4),
  ]);
});

test('for any facts a range is ordered, and unknown power is not free', () => {
  const positive = fc.double({ min: 0.1, max: 10_000, noNaN: true });
  const anyPrice = fc
    .tuple(fc.nat(10_000_000), fc.nat(10_000_000))
    .map(([input, output]) => price(input, output));
  const anyFacts: fc.Arbitrary<ForecastFacts> = fc.record({
    model: fc.constant('m'),
    prefillTokensPerSecond: positive,
    decodeTokensPerSecond: positive,
    ownPrice: anyPrice,
    marketPrices: fc.array(anyPrice, { maxLength: 5 }),
    days: fc.array(
      fc.record({
        freeHours: fc.double({ min: 0, max: 25, noNaN: true }),
        busyHours: fc.double({ min: 0, max: 100, noNaN: true }),
      }),
      { maxLength: 14 },
    ),
    isMarket: fc.boolean(),
    scheduledHours: fc.double({ min: 0, max: 24, noNaN: true }),
    tokens: fc.record({ read: fc.nat(), written: fc.nat() }),
    watts: fc.option(
      fc.nat(2_000).map((value) => ({ value, source: 'sensor' as const })),
      { nil: null },
    ),
    powerPriceMicroUsd: fc.option(fc.nat(2_000_000), { nil: null }),
    isMicroUsd: fc.boolean(),
  });
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const { earned, power, net, basis } = forecastSchema.parse(estimate(facts));
      for (const range of [earned, power, net]) {
        if (range !== null) assert.ok(BigInt(range.low) <= BigInt(range.high));
      }
      assert.ok(BigInt(earned.low) >= 0n);
      const isPowerKnown = facts.watts !== null && facts.powerPriceMicroUsd !== null && facts.isMicroUsd;
      assert.equal(power !== null, isPowerKnown);
      assert.equal(net !== null, isPowerKnown);
      assert.equal(basis.price === 'market', facts.marketPrices.length > 0);
    }),
    { numRuns: 1_000 },
  );
});

test('coming days bring what earlier ones did within the owner’s rules, of today only the rest', () => {
  // A Monday; three days before it were alike: free from 18:00 and busy for half of that.
  const clock = manualClock(Date.UTC(2026, 10, 23, 21));
  const calendar = createCalendar('UTC');
  const past = [20, 21, 22].flatMap((date) =>
    Array.from({ length: 24 }, (_, hour) => {
      const fromMs = Date.UTC(2026, 10, date, hour);
      const freeMs = hour >= 18 ? HOUR_MS : 0;
      return { ...calendar.wall(fromMs), dayMs: Date.UTC(2026, 10, date), freeMs, busyMs: freeMs / 2 };
    }),
  );
  const ends: number[] = [];
  let known: ForecastFacts | null = null;
  const forecasts = createForecasts({
    clock,
    calendar,
    records: createMemoryRecordStore(),
    facts: () => known,
    past: () => past,
    // Closed on Tuesday from 20:00
    stretchesUntil(endMs) {
      ends.push(endMs);
      return [
        { fromMs: clock.now(), untilMs: Date.UTC(2026, 10, 24, 20), reason: null },
        { fromMs: Date.UTC(2026, 10, 24, 20), untilMs: Date.UTC(2026, 10, 25), reason: 'outside-schedule' },
        { fromMs: Date.UTC(2026, 10, 25), untilMs: endMs, reason: null },
      ];
    },
    earnedByDay: async () => [],
  });
  assert.equal(forecasts.coming(3), null, 'nothing is measured yet');
  known = KNOWN;
  const coming = forecasts.coming(3);
  const { low, high } = earnedPerBusyHour(KNOWN);
  const [today, tuesday, wednesday] = [1.5, 1, 3].map((busyHours) => (busyHours * (low + high)) / 2);
  assert.deepEqual(
    coming?.days.map(({ day, expected }) => [day, Math.round(expected)]),
    [
      ['2026-11-23', Math.round(today ?? 0)],
      ['2026-11-24', Math.round(tuesday ?? 0)],
      ['2026-11-25', Math.round(wednesday ?? 0)],
    ],
  );
  assert.equal(coming?.pastDays, 3);
  assert.deepEqual(ends, [Date.UTC(2026, 10, 26)]);
  forecasts.stop();
});

test('the first forecast of a day is stored and compared when the day is over', async () => {
  const clock = manualClock(Date.UTC(2026, 10, 23, 6));
  const calendar = createCalendar('UTC');
  const records = createMemoryRecordStore();
  let facts: ForecastFacts | null = null;
  const forecasts = createForecasts({
    clock,
    calendar,
    records,
    facts: () => facts,
    past: () => [],
    stretchesUntil: () => [],
    earnedByDay: async (days) =>
      ['2026-11-22', '2026-11-23', '2026-11-24', '2026-11-25']
        .filter((day) => day <= calendar.day(clock.now()))
        .slice(-days)
        .map((day) => ({ day, earned: amount(day === '2026-11-24' ? 99n : 7n) })),
  });
  assert.equal(forecasts.current(), null);
  clock.advance(HOUR_MS);
  facts = FRESH;
  clock.advance(HOUR_MS);
  const morning = forecasts.current()?.earned;
  facts = KNOWN;
  clock.advance(HOUR_MS);
  assert.notDeepEqual(forecasts.current()?.earned, morning);
  assert.deepEqual(await forecasts.scores(30), [], 'no day is over');
  clock.advance(24 * HOUR_MS);
  const second = forecasts.current()?.earned;
  clock.advance(24 * HOUR_MS);
  assert.deepEqual(await forecasts.scores(30), [
    { day: '2026-11-24', earned: second, came: '99' },
    { day: '2026-11-23', earned: morning, came: '7' },
  ]);
  forecasts.stop();
});

test('learns the power draw of the work from samples of work and rest, and keeps it over a restart', () => {
  const clock = manualClock(0);
  const records = createMemoryRecordStore();
  let watts: number | null = null;
  let state: 'working' | 'resting' | 'between' = 'working';
  const open = () => createWattsMeter({ clock, records, watts: () => watts, state: () => state });
  const meter = open();
  clock.advance(60_000);
  assert.equal(meter.extra(), null, 'no sensor');
  watts = 140;
  clock.advance(60_000);
  assert.equal(meter.extra(), null, 'rest was not sampled');
  state = 'between';
  watts = 500;
  clock.advance(60_000);
  state = 'resting';
  watts = 60;
  clock.advance(60_000);
  assert.equal(meter.extra(), 80);
  meter.stop();
  assert.equal(open().extra(), 80);
});

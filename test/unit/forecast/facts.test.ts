/**
 * Verifies: the facts of a forecast come from finished days, the served model, and the owner's schedule and prices.
 * Setup: sources made up by the test, at noon of a fixed day.
 * Fails if: today counts as a past day, a day beyond the list of jobs looks idle, a throttle or a practice price
 * enters the forecast, unknown speeds become a forecast, or work that others do, or that pays no money, counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createWorkWatts } from '../../../main/core/earnings/index.ts';
import {
  collectFacts,
  estimate,
  type ForecastSources,
  incomesOf,
  wattsStateOf,
} from '../../../main/core/forecast/index.ts';
import type { Job } from '../../../shared/jobs.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { everyDay } from '../../../shared/week.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET } from '../../fakes/payment-gate.ts';
import { soldJob } from '../jobs/job-samples.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const HOUR_MS = 3_600_000;
const SHA256 = 'a'.repeat(64);
const REAL_USDC = { id: 'eip155:8453/usdc', symbol: 'USDC', decimals: 6, practice: false };

function job(hoursAgo: number, busyHours = 1): Job {
  const startedAtMs = NOON - hoursAgo * HOUR_MS;
  return soldJob({
    createdAtMs: startedAtMs,
    startedAtMs,
    endedAtMs: startedAtMs + busyHours * HOUR_MS,
    inputTokens: 20,
    outputTokens: 10,
  });
}

const counted = (day: string, freeHours: number, seenHours = 24) => ({
  day,
  freeMs: freeHours * HOUR_MS,
  seenMs: seenHours * HOUR_MS,
});

function facts(changed: Partial<ForecastSources> = {}, jobs: readonly Job[] = []) {
  return collectFacts(sourcesOf(changed, jobs));
}

function sourcesOf(changed: Partial<ForecastSources> = {}, jobs: readonly Job[] = []): ForecastSources {
  return {
    clock: manualClock(NOON),
    calendar: createCalendar('UTC'),
    jobs: { list: () => ({ jobs, more: false }) },
    usage: { days: () => [] },
    settings: () => DEFAULT_SETTINGS,
    benchmark: { speedsAt: () => ({ prefillTokensPerSecond: 400, decodeTokensPerSecond: 40 }) },
    engine: () => ({ state: 'stopped' }),
    servedModel: () => ({ id: 'm', sha256: SHA256 }),
    offers: () => [],
    workWatts: () => null,
    token: FAKE_ASSET,
    isMarket: true,
    ...changed,
  };
}

test('today is not a past day', () => {
  const days = () => [counted('2026-11-23', 10), counted('2026-11-24', 9)];
  assert.deepEqual(facts({ usage: { days } }, [job(1, 0.5), job(24, 2)])?.days, [
    { freeHours: 10, busyHours: 2 },
  ]);
});

test('a day that was observed for less than one hour is left out', () => {
  const days = () => [counted('2026-11-22', 0.5, 0.9), counted('2026-11-23', 1, 1)];
  assert.deepEqual(facts({ usage: { days } })?.days, [{ freeHours: 1, busyHours: 0 }]);
});

test('days beyond the reach of the list of jobs are left out', () => {
  const days = () => [counted('2026-11-21', 8), counted('2026-11-22', 8), counted('2026-11-23', 8)];
  const jobs = [...Array.from({ length: 199 }, () => job(20, 0.01)), job(48)];
  assert.equal(facts({ usage: { days } }, jobs.slice(1))?.days.length, 3, 'the list has all jobs');
  assert.equal(facts({ usage: { days } }, jobs)?.days.length, 1, 'the oldest listed day may be incomplete');
});

test('without a served model or its speeds there are no facts', () => {
  assert.equal(facts({ servedModel: () => null }), null);
  const speedsAt = () => ({ prefillTokensPerSecond: 400, decodeTokensPerSecond: null });
  assert.equal(facts({ benchmark: { speedsAt } }), null);
});

test('speeds are those of the owner’s intensity, even while throttled', () => {
  const duties: number[] = [];
  facts({
    settings: () => ({ ...DEFAULT_SETTINGS, comfort: 5 }),
    benchmark: {
      speedsAt: (_served, dutyPercent) => {
        duties.push(dutyPercent);
        return { prefillTokensPerSecond: 1, decodeTokensPerSecond: 1 };
      },
    },
  });
  assert.deepEqual(duties, [100]);
});

test('prices of others count on a market only, and for a known file only', () => {
  const offers = () => [{ asset: FAKE_ASSET, models: [{ ...OFFERED, sha256: SHA256 }] }];
  assert.deepEqual(facts({ offers })?.marketPrices, [OFFERED.price]);
  assert.deepEqual(facts({ offers, isMarket: false })?.marketPrices, []);
  const unknownFile = () => ({ id: 'm', sha256: null });
  assert.deepEqual(facts({ offers, servedModel: unknownFile })?.marketPrices, []);
});

test('the off-peak price counts where work is limited to off-peak hours', () => {
  const prices = { powerPriceMicroUsd: 300_000, offPeakPowerPriceMicroUsd: 200_000 };
  const priceWith = (changed: Partial<typeof DEFAULT_SETTINGS>) =>
    facts({ settings: () => ({ ...DEFAULT_SETTINGS, ...prices, ...changed }) })?.powerPriceMicroUsd;
  assert.equal(priceWith({}), 300_000);
  assert.equal(priceWith({ onlyOffPeakHours: true }), 200_000);
  assert.equal(priceWith({ onlyOffPeakHours: true, offPeakPowerPriceMicroUsd: null }), 300_000);
});

test('without a sensor, electricity counts by the owner’s figure', () => {
  const settings = () => ({ ...DEFAULT_SETTINGS, powerPriceMicroUsd: 300_000 });
  const forecastWith = (entered: number | null) => {
    const sensor = { extra: () => null, extraNow: () => null };
    const { mean } = createWorkWatts({ sensor, setting: () => entered, isWorking: () => false });
    const known = facts({ settings, workWatts: mean, token: REAL_USDC });
    assert.ok(known);
    return estimate(known);
  };
  assert.deepEqual(forecastWith(80).basis.watts, { value: 80, source: 'setting' });
  assert.equal(forecastWith(80).power?.high, String(24 * 80 * 300));
  assert.deepEqual([forecastWith(null).power, forecastWith(null).basis.watts], [null, null]);
});

test('scheduled hours are those that schedule and off-peak hours both permit', () => {
  const hoursWith = (changed: Partial<typeof DEFAULT_SETTINGS>) =>
    facts({ settings: () => ({ ...DEFAULT_SETTINGS, ...changed }) })?.scheduledHours;
  const night = { schedule: everyDay(22, 8), offPeakHours: everyDay(0, 6) };
  assert.equal(hoursWith(night), 24);
  assert.equal(hoursWith({ ...night, scheduleOn: true }), 10);
  assert.equal(hoursWith({ ...night, scheduleOn: true, onlyOffPeakHours: true }), 6);
});

test('only real USDC is worth a millionth of a dollar per base unit', () => {
  assert.equal(facts({ token: REAL_USDC })?.isMicroUsd, true);
  assert.equal(facts({ token: { ...REAL_USDC, practice: true } })?.isMicroUsd, false);
  assert.equal(facts({ token: { ...REAL_USDC, decimals: 18 } })?.isMicroUsd, false);
});

test('sums the tokens of served jobs', () => {
  assert.deepEqual(facts({}, [job(1), job(2), soldJob()])?.tokens, { read: 40, written: 20 });
});

test('a loaded engine without jobs is neither work nor rest for the power meter', () => {
  assert.equal(wattsStateOf(1, 'ready'), 'working');
  assert.equal(wattsStateOf(0, 'stopped'), 'resting');
  assert.equal(wattsStateOf(0, 'ready'), 'between');
  assert.equal(wattsStateOf(0, 'loading'), 'between');
});

test('incomes: measured before predicted, at the owner’s intensity, and none without a known speed', () => {
  const at = (speed: number) => ({
    decodeTokensPerSecond: speed,
    prefillTokensPerSecond: speed * 10,
    atMs: NOON,
  });
  const predicted = (speed: number) => ({ ...at(speed), uncertaintyPercent: 6, backend: 'cpu', threads: 4 });
  const models = [
    { id: 'both', sha256: SHA256, speed: { measured: at(40), predicted: predicted(80), score: null } },
    { id: 'predicted', sha256: null, speed: { measured: null, predicted: predicted(40), score: null } },
    {
      id: 'half',
      sha256: null,
      speed: { measured: { ...at(40), prefillTokensPerSecond: null }, predicted: null, score: null },
    },
    { id: 'unknown', sha256: null, speed: { measured: null, predicted: null, score: null } },
  ];
  const full = incomesOf(sourcesOf(), models);
  assert.deepEqual(
    full.map(({ model, isMeasured }) => [model, isMeasured]),
    [
      ['both', true],
      ['predicted', false],
    ],
  );
  assert.equal(full[0]?.high, full[1]?.high, 'the same speed brings the same');
  assert.ok(BigInt(full[0]?.high ?? 0) > 0n);
  const half = incomesOf(sourcesOf({ settings: () => ({ ...DEFAULT_SETTINGS, comfort: 2 }) }), models);
  const ratio = Number(half[0]?.high) / Number(full[0]?.high);
  assert.ok(Math.abs(ratio - 0.5) < 0.01, String(ratio));
});

test('jobs of the storefront, which others compute, and of an AI Horde, which pays no money, count as no work', () => {
  const usage = { days: () => [counted('2026-11-23', 8)] };
  const paid = job(20);
  const others = [
    { ...job(22, 2), peer: 'web-0123456789abcdef' },
    { ...job(23, 3), peer: 'horde:aihorde.net' },
  ];
  const withOthers = facts({ usage }, [paid, ...others]);
  assert.deepEqual(withOthers?.days, [{ freeHours: 8, busyHours: 1 }]);
  assert.deepEqual(withOthers?.tokens, { read: 20, written: 10 });
});

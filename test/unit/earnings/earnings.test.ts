/**
 * Verifies: energy is counted only while it was measured, earnings are attributed to the device that computed, and costs
 *   that aren't known make the net unknown instead of higher.
 * Setup: the real meter, ledger and overview with a manual clock and stores in memory.
 * Fails if: time without a sensor counts as 0 W, sleep is counted, off-peak energy costs the peak price, the devices don't
 *   add up to the ledger, or practice money has a net.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { deviceName } from '../../../main/agent/earnings.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import {
  createWorkMeter,
  createWorkWatts,
  deviceBetween,
  earningsByDevice,
  jobEnergy,
  overviewOf,
  type Prices,
} from '../../../main/core/earnings/index.ts';
import { createLedger, type PostingRequest } from '../../../main/core/ledger/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const NOON_MS = Date.UTC(2026, 10, 23, 12);
const HOUR_MS = 3_600_000;
const ASSET = 'eip155:8453/0x01';
const COIN = { id: 'eip155:8453/native', decimals: 18 };

function open(records = createMemoryRecordStore(), startMs = NOON_MS) {
  const clock = manualClock(startMs);
  const calendar = createCalendar('UTC');
  const now = {
    isActive: true,
    isWorking: true,
    watts: 60 as number | null,
    entered: null as number | null,
    isOffPeak: false,
  };
  const meter = createWorkMeter({
    clock,
    calendar,
    records,
    isActive: () => now.isActive,
    watts: createWorkWatts({
      sensor: { extra: () => now.watts, extraNow: () => now.watts },
      setting: () => now.entered,
      isWorking: () => now.isWorking,
    }),
    isOffPeak: () => now.isOffPeak,
  });
  const ledger = createLedger({ store: openDatabase(':memory:').ledger, clock, calendar });
  const overview = (prices: Partial<Prices> = {}, isReal = true) =>
    overviewOf(
      {
        earnings: {
          byDay: ledger.earningsByDay(ASSET, COIN.id, 7),
          byModel: ledger.earningsByModel(ASSET, 7),
          byDevice: earningsByDevice(ledger.earningsByQuarter(ASSET, 7), meter.deviceChanges()),
          byNetwork: ledger.earningsByNetwork(ASSET, 7),
        },
        meter,
        coin: COIN,
        isReal,
        prices: () => ({ power: null, offPeakPower: null, coin: null, ...prices }),
      },
      7,
    );
  return { clock, now, meter, ledger, overview, records };
}

const sold = (key: string, value: bigint, atMs: number, peer = 'peer'): PostingRequest => ({
  key,
  atMs,
  kind: 'job-charged',
  description: 'Served a model',
  model: 'model',
  peer,
  lines: [
    { account: 'channels:owed', assetId: ASSET, amount: amount(value) },
    { account: 'income:jobs', assetId: ASSET, amount: amount(-value) },
  ],
});
const fee = (value: bigint): PostingRequest => ({
  key: 'fee',
  atMs: NOON_MS,
  kind: 'network-fee',
  description: 'Network fee',
  lines: [
    { account: 'fees:network', assetId: COIN.id, amount: amount(value) },
    { account: 'wallet', assetId: COIN.id, amount: amount(-value) },
  ],
});

test('counts energy in peak and off-peak hours at their own prices', () => {
  const { clock, now, overview } = open();
  clock.advance(HOUR_MS);
  now.isOffPeak = true;
  clock.advance(HOUR_MS / 2);
  const { totals, days } = overview({ power: 300_000, offPeakPower: 200_000 });
  assert.equal(Math.round(totals.wattHours ?? 0), 90);
  assert.equal(Math.round(totals.powerMicroUsd ?? 0), 60 * 300 + 30 * 200);
  assert.equal(totals.measuredPercent, 100);
  assert.equal(days.at(-1)?.wattHours, totals.wattHours);
  assert.equal(days.at(-2)?.wattHours, null);
});

test('leaves time without a sensor, without an engine and asleep out, and says how much was measured', () => {
  const { clock, now, overview } = open();
  clock.advance(HOUR_MS);
  now.watts = null;
  clock.advance(HOUR_MS);
  now.isActive = false;
  clock.advance(HOUR_MS);
  const { totals } = overview({ power: 1_000_000 });
  assert.equal(Math.round(totals.wattHours ?? 0), 60);
  assert.equal(Math.round(totals.measuredPercent ?? 0), 50);
});

test('a machine without a power sensor has unknown energy, electricity and net, never zero', () => {
  const { clock, now, overview } = open();
  now.watts = null;
  clock.advance(HOUR_MS);
  const { totals } = overview({ power: 300_000 });
  assert.deepEqual([totals.wattHours, totals.powerMicroUsd, totals.netMicroUsd], [null, null, null]);
});

test('without a sensor the owner’s figure counts while jobs run, and is marked; a sensor goes first', () => {
  const { clock, now, overview } = open();
  now.entered = 90;
  clock.advance(HOUR_MS);
  assert.equal(Math.round(overview().totals.wattHours ?? 0), 60);
  assert.equal(overview().totals.isEstimated, false);
  now.watts = null;
  clock.advance(HOUR_MS);
  now.isWorking = false;
  clock.advance(HOUR_MS);
  const { totals } = overview({ power: 300_000 });
  assert.equal(Math.round(totals.wattHours ?? 0), 150);
  assert.equal(Math.round(totals.powerMicroUsd ?? 0), 150 * 300);
  assert.equal(Math.round(totals.measuredPercent ?? 0), 100);
  assert.equal(totals.isEstimated, true);
});

test('a day that an earlier version counted rests on its sensor', () => {
  const records = createMemoryRecordStore();
  const day = { activeMs: HOUR_MS, measuredMs: HOUR_MS, peakWattHours: 7, offPeakWattHours: 0 };
  records.set('energy', '2026-11-23', JSON.stringify(day));
  const { totals } = open(records).overview();
  assert.deepEqual([totals.wattHours, totals.isEstimated], [7, false]);
});

test('the energy of a job is its share of the time, and unknown without watts or an end', () => {
  const job = { startedAtMs: 0, endedAtMs: HOUR_MS };
  const watts = { value: 60, source: 'sensor' as const };
  const alone = { job, others: [], watts, priceMicroUsd: 300_000 };
  assert.deepEqual(jobEnergy(alone), { wattHours: 60, microUsd: 18_000, watts: 60, source: 'sensor' });
  assert.equal(jobEnergy({ ...alone, priceMicroUsd: null })?.microUsd, null);
  assert.equal(jobEnergy({ ...alone, watts: null }), null);
  assert.equal(jobEnergy({ ...alone, job: { startedAtMs: 0, endedAtMs: null } }), null);
  assert.equal(
    jobEnergy({ ...alone, job: { startedAtMs: 9, endedAtMs: 3 } }),
    null,
    'the clock was set back',
  );
  const half = { startedAtMs: -HOUR_MS, endedAtMs: HOUR_MS / 2 };
  const late = { startedAtMs: 2 * HOUR_MS, endedAtMs: 3 * HOUR_MS };
  assert.equal(jobEnergy({ ...alone, others: [half, late] })?.wattHours, 45);
});

test('jobs that run together share the energy of the time in which at least one of them ran', () => {
  const watts = { value: 3_600, source: 'setting' as const };
  const spans = fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(spans, (pairs) => {
      const jobs = pairs.map(([startedAtMs, length]) => ({ startedAtMs, endedAtMs: startedAtMs + length }));
      const shared = jobs.reduce((sum, job) => {
        const others = jobs.filter((other) => other !== job);
        return sum + (jobEnergy({ job, others, watts, priceMicroUsd: null })?.wattHours ?? 0);
      }, 0);
      let busyMs = 0;
      for (let atMs = 0; atMs < 2_000; atMs += 1) {
        if (jobs.some((job) => job.startedAtMs <= atMs && atMs < job.endedAtMs)) busyMs += 1;
      }
      assert.ok(Math.abs(shared - busyMs / 1_000) < 1e-9, `${shared} Wh for ${busyMs} ms`);
    }),
  );
});

test('keeps what was counted over a restart', () => {
  const first = open();
  first.clock.advance(HOUR_MS);
  first.meter.stop();
  const again = open(createMemoryRecordStore(first.records.snapshot()), NOON_MS + HOUR_MS);
  again.clock.advance(HOUR_MS);
  assert.equal(Math.round(again.overview().totals.wattHours ?? 0), 120);
});

test('the net is what is left after electricity and fees, and unknown while one of them is', () => {
  const { clock, ledger, overview } = open();
  ledger.postAll([sold('a', 1_000_000n, NOON_MS)]);
  clock.advance(HOUR_MS);
  assert.equal(overview({ power: 300_000 }).totals.netMicroUsd, 1_000_000 - 18_000);
  ledger.postAll([fee(10n ** 14n)]);
  assert.equal(overview({ power: 300_000 }).totals.netMicroUsd, null);
  assert.equal(overview({ coin: 3_000_000_000 }).totals.netMicroUsd, null);
  const known = { power: 300_000, coin: 3_000_000_000 };
  assert.equal(overview(known).totals.feesMicroUsd, 300_000);
  assert.equal(overview(known).totals.netMicroUsd, 1_000_000 - 18_000 - 300_000);
  const practice = overview(known, false).totals;
  assert.deepEqual([practice.netMicroUsd, practice.feesMicroUsd], [null, null]);
});

test('attributes earnings to the device in use, to several within one quarter, and to none before the first record', () => {
  const { clock, meter, ledger, overview } = open();
  ledger.postAll([sold('before', 1n, NOON_MS)]);
  clock.advance(HOUR_MS);
  meter.setDevice('Card');
  clock.advance(HOUR_MS);
  ledger.postAll([sold('card', 10n, clock.now())]);
  clock.advance(HOUR_MS + 60_000);
  meter.setDevice('Processor');
  ledger.postAll([sold('both', 100n, clock.now())]);
  clock.advance(HOUR_MS);
  ledger.postAll([sold('processor', 1_000n, clock.now())]);
  assert.deepEqual(
    overview().devices.map(({ device, several, earned, jobs }) => [device, several, earned, jobs]),
    [
      ['Processor', false, 1_000n, 1],
      [null, true, 100n, 1],
      ['Card', false, 10n, 1],
      [null, false, 1n, 1],
    ],
  );
});

test('the earnings by device add up to what was computed here, for any order of jobs and devices', () => {
  const step = fc.record({
    peer: fc.constantFrom('peer', 'web-visitor'),
    device: fc.constantFrom(null, 'a', 'b', 'c'),
    value: fc.integer({ min: 1, max: 10 ** 9 }),
    minutes: fc.integer({ min: 0, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, meter, ledger, overview } = open();
      steps.forEach(({ peer, device, value, minutes }, index) => {
        clock.advance(minutes * 60_000);
        if (device !== null) meter.setDevice(device);
        ledger.postAll([sold(`k${index}`, BigInt(value), clock.now(), peer)]);
      });
      const { devices, totals, networks } = overview();
      assert.equal(
        devices.reduce((sum, { earned }) => sum + earned, 0n),
        networks.market.earned,
      );
      assert.equal(networks.market.earned + networks.storefront.earned, totals.earned);
      assert.equal(totals.earned, ledger.earned(ASSET, 'total'));
    }),
    { numRuns: 30 },
  );
});

test('sales of the storefront are earned, and aren’t left of the work of this machine', () => {
  const { clock, ledger, overview } = open();
  clock.advance(HOUR_MS);
  ledger.postAll([sold('own', 500_000n, NOON_MS), sold('resold', 700_000n, NOON_MS, 'web-visitor')]);
  const { totals } = overview({ power: 100_000 });
  assert.equal(totals.earned, 1_200_000n);
  assert.equal(totals.netMicroUsd, 500_000 - Math.round(totals.powerMicroUsd ?? 0));
});

test('a job has the device that computed from its start to its end, and none if that changed or is unknown', () => {
  const { clock, meter } = open();
  meter.setDevice('CPU');
  clock.advance(1_000);
  meter.setDevice('GPU');
  const at = (fromMs: number, toMs: number) =>
    deviceBetween(NOON_MS + fromMs, NOON_MS + toMs, meter.deviceChanges());
  assert.deepEqual([at(-1, 500), at(0, 999), at(500, 1_000), at(1_000, 5_000)], [null, 'CPU', null, 'GPU']);
  assert.equal(deviceBetween(0, 1, []), null);
});

test('an engine server is named instead of a device of this machine that it may not use', () => {
  const devices = [
    { kind: 'cpu', name: 'Ryzen' },
    { kind: 'gpu', name: 'RTX 4070' },
    { kind: 'gpu', name: 'RTX 3060' },
  ];
  assert.equal(deviceName('cpu', devices), 'Ryzen');
  assert.equal(deviceName('cuda', devices), 'RTX 4070 + RTX 3060');
  assert.equal(deviceName('metal', []), 'GPU');
  assert.equal(deviceName('ollama', devices), 'ollama');
});

/**
 * Verifies: what strangers can make a buyer spend or lock up is bounded per provider, per request and per day.
 * Setup: the budget on a record store in memory, with a clock that the test moves.
 * Fails if: a provider without receipts gets more than the owner allows for it, deposits grow faster than receipts, a
 * restart or a changed clock forgets what was spent, or a budget blocks a buyer for longer than a day.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createBudget, type HoldEnd } from '../../../main/core/budget/index.ts';
import { BUYING_DEFAULTS, type BuyingLimits } from '../../../shared/buying-limits.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { manualUptime } from '../../fakes/uptime.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;
const USUAL = 1_000_000n;
const PRICE = { inputPerMillion: '20000', outputPerMillion: '80000' };
const proven = (charged: bigint): HoldEnd => ({ kind: 'proven', charged, model: 'a', price: PRICE });

function setUp(limits: Partial<BuyingLimits> = {}, startMs = START_MS) {
  const clock = manualClock(startMs);
  const records = createMemoryRecordStore();
  const uptime = manualUptime(clock);
  const open = (store = records, at = clock) =>
    createBudget({
      records: store,
      clock: at,
      uptime,
      log: createRecordingLog(),
      settings: () => ({ ...BUYING_DEFAULTS, ...limits }),
      depositUsual: USUAL,
    });
  const budget = open();
  const reserve = (peer: string, least: bigint, held = 0n) =>
    budget.deposits.reserve({ peer, least: amount(least), held: amount(held), charged: amount(0n) });
  const buy = (peer: string, charged: bigint) =>
    budget.openRequest(null).hold(peer, charged).end(proven(charged));
  return { clock, uptime, records, open, budget, reserve, buy };
}

const code = (expected: string) => (error: { code?: string; details?: { code?: string } }) =>
  error.code === 'payment-required' && error.details?.code === expected;

describe('deposits', () => {
  it('deposits with a new provider only what the request requires', () => {
    const { reserve } = setUp();
    assert.equal(reserve('new', 328n), 328n);
    assert.equal(reserve('other', 10_000n), 10_000n, 'or the announced minimum');
  });

  it('passes over a new provider that demands more than the owner allows', () => {
    const { reserve, budget } = setUp();
    assert.throws(() => reserve('greedy', 1_000_000n), code('deposit_above_limit'));
    assert.throws(() => reserve('greedy', 50_001n), code('deposit_above_limit'));
    assert.equal(reserve('greedy', 50_000n), 50_000n);
    assert.equal(budget.deposits.channelsMax('greedy'), 1);
  });

  it('grows with valid receipts, up to the usual deposit', () => {
    const { reserve, buy, budget } = setUp();
    reserve('good', 328n);
    buy('good', 300n);
    assert.equal(reserve('good', 328n, 328n), 1_200n, 'four times what was proven');
    buy('good', 900_000n / 4n);
    assert.equal(reserve('good', 1_000n, 300_000n), 200_000n, 'at most a tenth of the day');
    assert.equal(budget.deposits.channelsMax('good'), null);
  });

  it('counts a signed deposit as long as it can reach the chain, whatever the provider answered', () => {
    const { reserve, clock } = setUp();
    reserve('swallows', 30_000n);
    assert.throws(() => reserve('swallows', 30_000n), code('deposit_above_limit'));
    clock.advance(1_200_000);
    assert.equal(reserve('swallows', 30_000n), 30_000n, 'it has lapsed and never arrived');
    clock.advance(1_200_000);
    assert.throws(() => reserve('swallows', 30_000n, 30_000n), code('deposit_above_limit'));
  });

  it('counts a deposit that has arrived once, and one that may still arrive as well', () => {
    const { reserve } = setUp();
    reserve('new', 30_000n);
    assert.equal(reserve('new', 20_000n, 30_000n), 20_000n);
    // The second one is signed, and the provider claims that it failed.
    assert.throws(() => reserve('new', 1n, 30_000n), code('deposit_above_limit'));
    assert.throws(() => reserve('new', 1n, 50_000n), code('deposit_above_limit'));
  });

  it('still counts a deposit that was said to have failed when a later one of the same size arrives', () => {
    const { reserve } = setUp();
    reserve('swallows', 20_000n);
    reserve('swallows', 20_000n);
    assert.throws(() => reserve('swallows', 10_001n, 20_000n), code('deposit_above_limit'));
    assert.equal(reserve('swallows', 10_000n, 20_000n), 10_000n);
  });

  it('gives no more than ten new providers a deposit within 24 hours', () => {
    const { reserve, clock } = setUp();
    for (let index = 0; index < 10; index += 1) reserve(`peer-${index}`, 100n);
    assert.throws(() => reserve('peer-10', 100n), code('new_provider_limit'));
    assert.equal(reserve('peer-3', 200n, 100n), 200n, 'one of the ten may get more');
    clock.advance(24 * HOUR_MS);
    assert.equal(reserve('peer-10', 100n), 100n);
  });

  it('takes what an earlier version bought from a provider as proven', () => {
    const { budget } = setUp();
    const need = { peer: 'old', least: amount(1_000n), held: amount(1_000_000n), charged: amount(990_000n) };
    assert.equal(budget.deposits.reserve(need), 200_000n);
  });
});

describe('deposits of a day', () => {
  it('stops at the budget per day, also after a restart', () => {
    const { reserve, buy, open, records } = setUp({ buyDayMax: '100000' });
    buy('good', 90_000n);
    assert.equal(reserve('good', 60_000n, 90_000n), 60_000n);
    assert.throws(() => reserve('good', 40_001n, 150_000n), code('daily_budget_spent'));
    assert.equal(reserve('good', 40_000n, 150_000n), 40_000n);
    const again = open(createMemoryRecordStore(records.snapshot()));
    assert.throws(
      () => again.deposits.reserve({ peer: 'x', least: amount(1n), held: amount(0n), charged: amount(0n) }),
      code('daily_budget_spent'),
    );
  });

  it('does not count a deposit that the chain refused against the day for longer than it was valid', () => {
    const { reserve, buy, clock } = setUp({ buyDayMax: '100000' });
    buy('good', 90_000n);
    reserve('good', 90_000n, 90_000n);
    clock.advance(1_200_000);
    assert.equal(reserve('good', 95_000n, 90_000n), 95_000n);
  });

  it('takes a lapsed deposit out of the hour in which it counted', () => {
    const { reserve, clock } = setUp({ buyDayMax: '100000' });
    reserve('swallows', 50_000n);
    clock.advance(23 * HOUR_MS);
    assert.equal(reserve('swallows', 50_000n), 50_000n);
    clock.advance(HOUR_MS);
    assert.equal(reserve('a', 50_000n), 50_000n);
    assert.throws(() => reserve('b', 1n), code('daily_budget_spent'));
  });
});

const peerNames = Array.from('abcdefghijkl');
const event = fc.record({
  peer: fc.constantFrom(...peerNames),
  least: fc.bigInt({ min: 1n, max: 3_000_000n }),
  /** True if the provider puts the signed deposit on the chain. */
  submits: fc.boolean(),
  charges: fc.bigInt({ min: 0n, max: 100_000n }),
  isHonest: fc.boolean(),
  waitMs: fc.integer({ min: 0, max: 2 * HOUR_MS }),
});

describe('deposits with strangers', () => {
  it('stay within the limits per provider and per day, in any order of events', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { clock, reserve, buy } = setUp();
        const held = new Map(peerNames.map((peer) => [peer, 0n]));
        const verified = new Map(peerNames.map((peer) => [peer, 0n]));
        const deposits: { atMs: number; sum: bigint }[] = [];
        for (const { peer, least, submits, charges, isHonest, waitMs } of events) {
          const [has, proof] = [held.get(peer) ?? 0n, verified.get(peer) ?? 0n];
          const sum = orZero(() => reserve(peer, least, has));
          if (submits && sum > 0n) {
            held.set(peer, has + sum);
            deposits.push({ atMs: clock.now(), sum });
            const allowed = proof * 4n > 50_000n ? proof * 4n : 50_000n;
            assert.ok(has + sum - proof <= allowed, 'the provider holds more than it may');
          }
          const unspent = (held.get(peer) ?? 0n) - proof;
          if (isHonest && charges > 0n && charges <= unspent && charges <= 50_000n) {
            buy(peer, charges);
            verified.set(peer, proof + charges);
          }
          const lastDay = deposits.filter(({ atMs }) => atMs > clock.now() - 23 * HOUR_MS);
          assert.ok(lastDay.reduce((total, each) => total + each.sum, 0n) <= 2_000_000n);
          clock.advance(waitMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** The sum, or 0 if a limit doesn't allow it. */
function orZero(run: () => bigint): bigint {
  try {
    return run();
  } catch (error) {
    assert.equal((error as { code: string }).code, 'payment-required');
    return 0n;
  }
}

describe('requests', () => {
  it('lets a new provider continue the answer of a trusted one whose first failure it was', () => {
    const { budget, buy } = setUp();
    buy('once', 100n);
    const request = budget.openRequest(null);
    request.hold('once', 100n).end({ kind: 'failed', charged: 0n });
    assert.equal(budget.isTrusted('once'), false);
    request.hold('new-1', 100n).end({ kind: 'failed', charged: 0n });
    assert.throws(() => request.hold('new-2', 100n), code('new_provider_limit'));
  });

  it('still does if the trusted one is asked again after its failure', () => {
    const { budget, buy } = setUp();
    buy('once', 100n);
    const request = budget.openRequest(null);
    for (let asked = 0; asked < 2; asked += 1)
      request.hold('once', 100n).end({ kind: 'failed', charged: 0n });
    assert.equal(budget.isTrusted('once'), false);
    request.hold('new-1', 100n).end({ kind: 'failed', charged: 0n });
  });

  it('pays at most one provider without receipts', () => {
    const { budget, buy } = setUp();
    buy('good', 100n);
    const request = budget.openRequest(null);
    request.hold('new-1', 100n).end({ kind: 'failed', charged: 0n });
    assert.throws(() => request.hold('new-2', 100n), code('new_provider_limit'));
    request.hold('new-1', 100n).end({ kind: 'failed', charged: 0n });
    request.hold('good', 100n).end(proven(10n));
  });

  it('continues with a second new provider after the first has proven its part', () => {
    const { budget } = setUp();
    const request = budget.openRequest(null);
    request.hold('new-1', 100n).end(proven(50n));
    request.hold('new-2', 100n).end(proven(50n));
  });

  it('does not count a provider that was passed over before anything was signed', () => {
    const { budget } = setUp();
    const request = budget.openRequest(null);
    request.hold('greedy', 100n).end({ kind: 'unused' });
    request.hold('new', 100n).end(proven(50n));
  });

  it('stops at the budget of the request, counting an unknown charge as the maximum', () => {
    const { budget, buy } = setUp({ buyRequestMax: '1000' });
    buy('good', 100n);
    const request = budget.openRequest(null);
    assert.throws(() => request.hold('good', 1_001n), code('request_budget_exceeded'));
    request.hold('good', 900n).end({ kind: 'stopped', charged: null });
    assert.throws(() => request.hold('good', 101n), code('request_budget_exceeded'));
    budget.openRequest(null).hold('good', 1_000n).end(proven(5n));
  });

  it('stops at the budget per day, with what requests in progress may still cost', () => {
    const { budget, buy, clock } = setUp({ buyDayMax: '1000' });
    buy('good', 100n);
    const first = budget.openRequest(null).hold('good', 800n);
    assert.throws(() => budget.openRequest(null).hold('good', 101n), code('daily_budget_spent'));
    first.end(proven(300n));
    assert.throws(() => budget.openRequest(null).hold('good', 601n), code('daily_budget_spent'));
    clock.advance(24 * HOUR_MS);
    budget.openRequest(null).hold('good', 1_000n).end(proven(5n));
  });
});

describe('opinions', () => {
  it('cost money, but make no provider trusted and no price usual', () => {
    const { budget } = setUp();
    const limit = () => budget.openRequest(null).priceLimit('a', [PRICE]);
    budget.openRequest(null).hold('good', 100n).end(proven(50n));
    const before = limit();
    budget.openRequest(null).hold('stranger', 100n).end({ kind: 'compared', charged: 40n });
    assert.deepEqual([budget.isTrusted('stranger'), budget.hasFailed('stranger')], [false, false]);
    assert.deepEqual(limit(), before);
    assert.equal(budget.spentDay(), 90n);
  });

  it('are asked of three strangers a day, also after a restart, while seven new providers can get a deposit', () => {
    const { budget, clock, records, open, reserve } = setUp();
    const taken = (from = budget) => [1, 2].map(() => from.takeOpinionPlace());
    assert.deepEqual(
      [taken(), taken(open(createMemoryRecordStore(records.snapshot())))],
      [
        [true, true],
        [true, false],
      ],
    );
    clock.advance(25 * HOUR_MS);
    for (let peer = 0; peer < 3; peer += 1) reserve(`new-${peer}`, 1n);
    assert.equal(budget.takeOpinionPlace(), true, 'seven are left');
    reserve('new-3', 1n);
    assert.equal(budget.takeOpinionPlace(), false, 'six are left');
    clock.advance(25 * HOUR_MS);
    assert.equal(budget.takeOpinionPlace(), true);
  });
});

describe('charges that are learned later', () => {
  it('count instead of the maximum', () => {
    const { budget, buy } = setUp({ buyDayMax: '1000' });
    buy('good', 100n);
    const left = budget.openRequest(null).hold('good', 900n);
    left.end({ kind: 'stopped', charged: null });
    assert.throws(() => budget.openRequest(null).hold('good', 1n), code('daily_budget_spent'));
    left.learned(300n, true);
    assert.throws(() => budget.openRequest(null).hold('good', 601n), code('daily_budget_spent'));
    budget.openRequest(null).hold('good', 600n).end({ kind: 'unused' });
    assert.equal(budget.isTrusted('good'), true);
  });

  it('count as a failure if the provider refused the request', () => {
    const { budget, buy } = setUp({ buyDayMax: '1000', buyRequestMax: '900' });
    buy('good', 100n);
    const request = budget.openRequest(null);
    const refused = request.hold('good', 800n);
    refused.end({ kind: 'stopped', charged: 0n });
    refused.learned(800n, false);
    assert.throws(() => request.hold('good', 101n), code('request_budget_exceeded'));
    assert.throws(() => budget.openRequest(null).hold('good', 101n), code('daily_budget_spent'));
    assert.deepEqual([budget.isTrusted('good'), budget.hasFailed('good')], [false, true]);
  });

  it('count also if an earlier run made them', () => {
    const { budget } = setUp({ buyDayMax: '1000' });
    budget.noteCharged(900n);
    assert.throws(() => budget.openRequest(null).hold('good', 101n), code('daily_budget_spent'));
  });
});

describe('a budget with a wrong clock', () => {
  it('is blocked for a day at most', () => {
    const { open, records, clock } = setUp({ buyDayMax: '1000' });
    const ahead = manualClock(START_MS + 10_000 * HOUR_MS);
    const budget = open(records, ahead);
    budget.openRequest(null).hold('good', 1_000n).end(proven(1_000n));
    const corrected = open(records, clock);
    assert.throws(() => corrected.openRequest(null).hold('good', 1n), code('daily_budget_spent'));
    clock.advance(24 * HOUR_MS);
    corrected.openRequest(null).hold('good', 1_000n);
  });
});

const DAY_MS = 24 * HOUR_MS;
const moment = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 10 * HOUR_MS }) }),
  fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -40 * DAY_MS, max: 40 * DAY_MS }) }),
  fc.record({ kind: fc.constantFrom('restart' as const, 'buy' as const, 'deposit' as const) }),
);

describe('a budget with a clock that jumps', () => {
  it('isn’t exceeded by any jumps and restarts of the agent, and is free a day later', () => {
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 40 }), (moments) => {
        const { clock, open, records } = setUp({ buyDayMax: '1000', buyNewProviderMax: '300' });
        let stored = records;
        let budget = open(stored);
        let peers = 0;
        const spent: { readonly atMs: number; readonly charged: number; readonly deposited: number }[] = [];
        for (const each of moments) {
          if (each.kind === 'wait') clock.advance(each.ms);
          else if (each.kind === 'jump') clock.setTimeBy(each.ms);
          else if (each.kind === 'restart') {
            stored = createMemoryRecordStore(stored.snapshot());
            budget = open(stored);
          } else
            try {
              peers += 1;
              const spend = { atMs: clock.monotonic(), charged: 0, deposited: 0 };
              if (each.kind === 'buy') {
                budget.openRequest(null).hold('good', 300n).end(proven(300n));
                spent.push({ ...spend, charged: 300 });
              } else {
                // No answer: the deposit may still reach the chain for as long as it is valid.
                const need = { least: amount(300n), held: amount(0n), charged: amount(0n) };
                budget.deposits.reserve({ peer: `peer-${peers}`, ...need });
                spent.push({ ...spend, deposited: 300 });
              }
            } catch {}
          // Hours count as a whole.
          const recent = spent.filter(({ atMs }) => atMs > clock.monotonic() - DAY_MS + HOUR_MS);
          assert.ok(recent.reduce((sum, { charged }) => sum + charged, 0) <= 1_000);
          assert.ok(recent.reduce((sum, { deposited }) => sum + deposited, 0) <= 1_000);
        }
        clock.advance(DAY_MS);
        assert.equal(budget.spentDay(), 0n);
      }),
    );
  });

  it('keeps a signed deposit in its limit when the clock jumps', () => {
    const { clock, reserve } = setUp();
    reserve('swallows', 50_000n);
    for (const jumpMs of [DAY_MS, -2 * DAY_MS, DAY_MS]) {
      clock.setTimeBy(jumpMs);
      assert.throws(() => reserve('swallows', 1n), code('deposit_above_limit'));
    }
    clock.advance(HOUR_MS);
    reserve('swallows', 1n);
  });

  it('counts the time in which the machine was off, once', () => {
    const { clock, uptime, open, records } = setUp({ buyDayMax: '1000' });
    const restart = () => {
      uptime.restart();
      return open(records);
    };
    const spend = () => open(records).openRequest(null).hold('good', 1_000n).end(proven(1_000n));
    spend();
    clock.advance(24 * HOUR_MS);
    assert.equal(restart().spentDay(), 0n, 'off for a day');
    spend();
    clock.setTimeBy(DAY_MS);
    assert.equal(restart().spentDay(), 0n, 'a wrong clock at a start of the machine looks the same');
    spend();
    for (const jumpMs of [-DAY_MS, DAY_MS, -5 * DAY_MS, 5 * DAY_MS]) {
      clock.setTimeBy(jumpMs);
      assert.equal(restart().spentDay(), 1_000n, 'the same day doesn’t count again');
    }
    clock.advance(24 * HOUR_MS);
    assert.equal(open(records).spentDay(), 0n);
  });
});

describe('a budget of an earlier version', () => {
  it('continues with its hours', () => {
    const { clock, open, records } = setUp({ buyDayMax: '1000' });
    records.delete('buying-day', 'time');
    const hour = Math.floor(clock.now() / HOUR_MS) - 20;
    records.set(
      'buying-day',
      'hours',
      JSON.stringify([{ hour, charged: '900', deposited: '0', newPeers: 0 }]),
    );
    const budget = open();
    assert.equal(budget.spentDay(), 900n);
    clock.advance(4 * HOUR_MS);
    assert.equal(budget.spentDay(), 0n);
  });
});

describe('trust', () => {
  it('lasts only while a provider delivers more than it fails', () => {
    const { budget, buy } = setUp();
    assert.equal(budget.isTrusted('peer'), false);
    buy('peer', 10n);
    assert.equal(budget.isTrusted('peer'), true);
    budget.openRequest(null).hold('peer', 10n).end({ kind: 'failed', charged: 10n });
    assert.equal(budget.isTrusted('peer'), false);
    budget.openRequest(null).hold('peer', 10n).end(proven(0n));
    assert.equal(budget.isTrusted('peer'), false, 'a receipt for nothing proves nothing');
  });
});

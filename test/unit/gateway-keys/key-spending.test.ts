/**
 * Verifies: a key never spends more than its budget, in 24 hours and in total, regardless of what is charged, lost,
 * learned later or cut off by a crash; what is known to be charged is counted exactly once.
 * Setup: the real keys on records in memory, of which a snapshot is a crash; a clock that the test moves.
 * Fails if: a purchase whose charge is unknown stops counting, a crash forgets one, or a charge counts twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Hold, isAboveLimit, UNLIMITED } from '../../../main/core/budget/index.ts';
import { NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createTestKeys } from '../../fakes/gateway-keys.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const START_MS = Date.UTC(2026, 10, 29, 12);
const HOUR_MS = 3_600_000;
const PRICE = { inputPerMillion: '1', outputPerMillion: '1' };
const proven = (charged: bigint) => ({ kind: 'proven', charged, model: 'm', price: PRICE }) as const;
const exceeded = (error: unknown) => isAboveLimit(error) && error.details.code === 'insufficient_quota';

function setUp(limits: { dayMax?: string; totalMax?: string }) {
  const clock = manualClock(START_MS);
  const charges = new Map<string, bigint | null>();
  const chargeOf = (jobId: string) => charges.get(jobId) ?? null;
  let records = createMemoryRecordStore();
  let keys = createTestKeys({ clock, records, chargeOf });
  const { secret, key } = keys.add({ ...NO_KEY_LIMITS, ...limits, name: 'a' });
  let jobs = 0;
  return {
    clock,
    charges,
    keys: () => keys,
    id: key.id,
    use: () => keys.use(secret),
    hold: (costMax: bigint) => keys.use(secret).within(UNLIMITED.openRequest(null)).hold('peer', costMax),
    /** Holds the budget for a purchase with its job. */
    begin(costMax: bigint, channelId = `channel-${jobs}`): { hold: Hold; jobId: string } {
      const hold = this.hold(costMax);
      jobs += 1;
      hold.begin({ id: `job-${jobs}`, channelId });
      return { hold, jobId: `job-${jobs}` };
    },
    spent() {
      const { spentDay, spentTotal } = keys.list().find(({ id }) => id === key.id) ?? {};
      return [spentDay, spentTotal].map(Number);
    },
    crash() {
      records = createMemoryRecordStore(records.snapshot());
      keys = createTestKeys({ clock, records, chargeOf });
    },
  };
}

test('a request counts with its maximum while it runs, then with its charge', () => {
  const key = setUp({ totalMax: '100' });
  const { hold } = key.begin(60n);
  assert.deepEqual(key.spent(), [60, 60]);
  assert.throws(() => key.hold(41n), exceeded);
  hold.end(proven(10n));
  assert.deepEqual(key.spent(), [10, 10]);
  key.begin(90n).hold.end({ kind: 'unused' });
  key.begin(90n).hold.end({ kind: 'stopped', charged: 0n });
  key.begin(90n).hold.end({ kind: 'refused' });
  assert.deepEqual(key.spent(), [10, 10]);
  assert.throws(() => key.hold(91n), exceeded);
});

test('a used-up budget refuses a request before it begins; the one for 24 hours comes back, the total doesn’t', () => {
  const day = setUp({ dayMax: '100' });
  day.begin(100n).hold.end(proven(100n));
  assert.throws(() => day.use().enter(), exceeded);
  day.clock.advance(23 * HOUR_MS);
  assert.throws(() => day.use().enter(), exceeded);
  day.clock.advance(HOUR_MS);
  day.use().enter()();
  assert.deepEqual(day.spent(), [0, 100]);
  const total = setUp({ totalMax: '100' });
  total.begin(100n).hold.end(proven(100n));
  total.clock.advance(1_000 * HOUR_MS);
  assert.throws(() => total.use().enter(), exceeded);
});

test('an unknown charge counts with its maximum until it is learned', () => {
  const key = setUp({ totalMax: '100' });
  const { hold } = key.begin(60n);
  hold.end({ kind: 'failed', charged: null });
  assert.deepEqual(key.spent(), [60, 60]);
  hold.learned(7n, true);
  assert.deepEqual(key.spent(), [7, 7]);
});

test('a channel that is used again ends the wait for the charge before, which is still corrected when learned', () => {
  const key = setUp({});
  const former = key.begin(60n, 'channel');
  former.hold.end({ kind: 'stopped', charged: null });
  const { hold } = key.begin(30n, 'channel');
  hold.end(proven(20n));
  assert.deepEqual(key.spent(), [80, 80]);
  former.hold.learned(5n, true);
  assert.deepEqual(key.spent(), [25, 25]);
});

test('after a crash a purchase counts with its maximum until its charge is known', () => {
  const key = setUp({ totalMax: '100' });
  const recorded = key.begin(30n);
  key.begin(20n, 'channel');
  key.hold(40n); // not recorded: nothing was sent
  key.charges.set(recorded.jobId, 4n);
  key.crash();
  assert.deepEqual(key.spent(), [24, 24]);
  key.keys().noteCharged('channel', 0n, false);
  key.keys().noteCharged('another', 9n, true);
  assert.deepEqual(key.spent(), [24, 24], 'nothing is known about this channel yet');
  key.keys().noteCharged('channel', 11n, true);
  key.keys().noteCharged('channel', 11n, true);
  assert.deepEqual(key.spent(), [15, 15]);
  key.crash();
  assert.deepEqual(key.spent(), [15, 15]);
});

test('a revoked key’s purchases end without a trace', () => {
  const key = setUp({});
  const { hold } = key.begin(60n);
  key.keys().revoke(key.id);
  hold.end(proven(10n));
  hold.learned(12n, true);
  key.crash();
  assert.deepEqual(
    key
      .keys()
      .list()
      .map(({ name, spentTotal }) => [name, spentTotal]),
    [['default', '0']],
  );
});

test('property: never above the budget, and exact once every charge is known', () => {
  const step = fc.record({
    costMax: fc.integer({ min: 1, max: 60 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    end: fc.constantFrom('proven', 'unknown', 'learned', 'unused', 'crash', 'crash-recorded'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const key = setUp({ totalMax: '300' });
      let real = 0;
      let unknown = new Map<string, number>();
      for (const [index, { costMax, share, end }] of steps.entries()) {
        const channel = `channel-${index}`;
        const charged = Math.floor(costMax * share);
        let begun: ReturnType<typeof key.begin>;
        try {
          begun = key.begin(BigInt(costMax), channel);
        } catch (error) {
          assert.ok(exceeded(error));
          continue;
        }
        const { hold, jobId } = begun;
        if (end !== 'unused') real += charged;
        if (end === 'proven') hold.end(proven(BigInt(charged)));
        if (end === 'unused') hold.end({ kind: 'unused' });
        if (end === 'unknown' || end === 'learned') hold.end({ kind: 'failed', charged: null });
        if (end === 'learned') hold.learned(BigInt(charged), true);
        if (end === 'crash-recorded') key.charges.set(jobId, BigInt(charged));
        if (end === 'unknown' || end === 'crash') unknown.set(channel, charged);
        if (end.startsWith('crash')) key.crash();
        const [, total = 0] = key.spent();
        assert.ok(real <= total && total <= 300, `${real} <= ${total}`);
      }
      key.crash();
      for (const [channel, charged] of unknown) key.keys().noteCharged(channel, BigInt(charged), true);
      unknown = new Map();
      assert.equal(key.spent()[1], real);
    }),
  );
});

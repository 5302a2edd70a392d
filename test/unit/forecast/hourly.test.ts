/**
 * Verifies: the average per hour rests on at least one hour of permitted work and on counted days alone.
 * Setup: counted hours and daily earnings made up by the test; a clock that the test moves.
 * Fails if: an average is shown too early, or earnings of a day without counted hours, or what other machines computed for
 *   the storefront, are included.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHourlyEarnings } from '../../../main/core/forecast/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const HOUR_MS = 3_600_000;

test('the average per hour needs one full hour, and leaves out days that were not counted', () => {
  const clock = manualClock(0);
  const counted = { ms: HOUR_MS - 60_000 };
  const perHour = createHourlyEarnings({
    clock,
    usage: {
      days: () => [
        { day: '2026-11-23', seenMs: counted.ms, freeMs: counted.ms / 2 },
        { day: '2026-11-24', seenMs: counted.ms, freeMs: counted.ms / 2 },
      ],
    },
    assetId: 'token',
    coinId: 'coin',
    ledger: {
      earningsByDay: () => [
        { day: '2026-11-22', earned: amount(9_000_000n), resold: amount(0n), jobs: 9, feesCoin: amount(0n) },
        { day: '2026-11-23', earned: amount(600n), resold: amount(0n), jobs: 3, feesCoin: amount(0n) },
        { day: '2026-11-24', earned: amount(1_300n), resold: amount(1_000n), jobs: 2, feesCoin: amount(0n) },
      ],
    },
  });
  assert.equal(perHour(), null, 'not before one hour is full');
  counted.ms = 3 * HOUR_MS;
  assert.equal(perHour(), null, 'cached for a minute');
  clock.advance(60_000);
  assert.deepEqual(perHour(), { earned: '300', hours: 3 });
});

/**
 * Verifies: the owner is notified of each decision once a day while it is due, of payouts at most once an hour with their
 * sum, and of a week with earnings once, on Monday morning; nothing while the switch is off or nobody can show it.
 * Setup: a manual clock in Berlin, records in memory, and a list of what was shown.
 * Fails if: something is shown twice or is lost, practice payouts are shown again and again, or the switch is ignored.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { startNotifications } from '../../../main/core/notices/index.ts';
import type { DecisionCode, OwnerNotification } from '../../../shared/notification.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A Wednesday, 12:00 in Berlin. */
const WEDNESDAY_MS = Date.UTC(2026, 2, 4, 11);
const USDC = { id: 'eip155:8453/0x1', symbol: 'USDC', decimals: 6, practice: false };

function owner(options: { practice?: boolean } = {}) {
  const clock = manualClock(WEDNESDAY_MS);
  const shown: OwnerNotification[] = [];
  const now = { isOn: true, canShow: true, due: [] as DecisionCode[], received: 0n, earnedPerDay: 0n };
  const records = createMemoryRecordStore();
  const start = () =>
    startNotifications({
      clock,
      calendar: createCalendar('Europe/Berlin'),
      records,
      asset: { ...USDC, practice: options.practice ?? false },
      isOn: () => now.isOn,
      decisions: () => now.due,
      received: () => now.received,
      days: (count) => Array.from({ length: count }, () => ({ earned: now.earnedPerDay, jobs: 2 })),
      show(notification) {
        if (now.canShow) shown.push(notification);
        return now.canShow;
      },
    });
  let running = start();
  return {
    now,
    shown,
    pass(ms: number) {
      clock.setTimeBy(ms);
      running.check();
    },
    restart() {
      running.stop();
      running = start();
      running.check();
    },
  };
}

test('a decision is shown once a day while it is due, also across a restart, and again when it comes back', () => {
  const { now, shown, pass, restart } = owner();
  now.due = ['unconfined'];
  pass(MINUTE_MS);
  pass(HOUR_MS);
  restart();
  assert.deepEqual(shown, [{ kind: 'decision', code: 'unconfined' }]);
  pass(DAY_MS);
  assert.equal(shown.length, 2);
  now.due = [];
  pass(MINUTE_MS);
  now.due = ['unconfined'];
  pass(MINUTE_MS);
  assert.equal(shown.length, 3);
});

test('payouts within an hour are one notification with their sum; what was there before is no news', () => {
  const { now, shown, pass } = owner();
  now.received = 500n;
  pass(MINUTE_MS);
  assert.equal(shown.length, 0);
  now.received = 700n;
  pass(MINUTE_MS);
  now.received = 1_000n;
  pass(MINUTE_MS);
  assert.deepEqual(
    shown.map((each) => each.kind === 'payout' && each.amount),
    ['200'],
  );
  pass(HOUR_MS);
  assert.deepEqual(
    shown.map((each) => each.kind === 'payout' && each.amount),
    ['200', '300'],
  );
});

test('of practice payouts only the first one is shown', () => {
  const { now, shown, pass } = owner({ practice: true });
  pass(MINUTE_MS);
  for (const received of [100n, 200n, 300n]) {
    now.received = received;
    pass(2 * HOUR_MS);
  }
  assert.equal(shown.length, 1);
});

test('the summary of a week with earnings comes on Monday morning, once', () => {
  const { now, shown, pass } = owner();
  now.earnedPerDay = 10n;
  pass(MINUTE_MS);
  // Until Monday, 8:01.
  pass(4 * DAY_MS + 20 * HOUR_MS);
  assert.deepEqual(shown, []);
  pass(HOUR_MS);
  pass(HOUR_MS);
  assert.deepEqual(shown, [{ kind: 'week', asset: USDC, earned: '70', jobs: 14 }]);
  now.earnedPerDay = 0n;
  pass(7 * DAY_MS);
  assert.equal(shown.length, 1);
});

test('nothing is shown while the switch is off, and payouts of that time aren’t shown later', () => {
  const { now, shown, pass } = owner();
  now.isOn = false;
  now.due = ['disk-full'];
  pass(MINUTE_MS);
  now.received = 100n;
  now.earnedPerDay = 5n;
  pass(6 * DAY_MS);
  assert.deepEqual(shown, []);
  now.isOn = true;
  now.due = [];
  pass(MINUTE_MS);
  assert.deepEqual(shown, []);
});

test('a notification that nobody could show is shown later', () => {
  const { now, shown, pass } = owner();
  pass(MINUTE_MS);
  now.canShow = false;
  now.due = ['disk-full'];
  now.received = 100n;
  pass(MINUTE_MS);
  now.canShow = true;
  pass(MINUTE_MS);
  assert.deepEqual(
    shown.map(({ kind }) => kind),
    ['decision', 'payout'],
  );
});

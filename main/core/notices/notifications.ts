/**
 * Decides what the owner is notified of: a decision that Idlewatt waits for, a payout that arrived, and a summary once a
 * week. Nothing while the owner's switch is off, and nothing twice.
 */
import { z } from 'zod';
import type { Asset } from '../../../shared/money.ts';
import type { DecisionCode, OwnerNotification } from '../../../shared/notification.ts';
import { WEEK_DAYS } from '../../../shared/week.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';

export interface NotificationsOptions {
  readonly clock: Clock;
  readonly calendar: Pick<Calendar, 'startOfDay' | 'startOfWeek' | 'wall'>;
  readonly records: RecordStore;
  /** The owner's switch. */
  readonly isOn: () => boolean;
  /** Decisions that Idlewatt waits for now. */
  readonly decisions: () => readonly DecisionCode[];
  readonly asset: Asset;
  /** Everything that ever arrived at the payout address, in base units. */
  readonly received: () => bigint;
  /** Earnings and jobs of whole local days, oldest first, up to and including today. */
  readonly days: (count: number) => readonly { readonly earned: bigint; readonly jobs: number }[];
  /** Shows it; returns false if nobody can, and then it is tried again. */
  readonly show: (notification: OwnerNotification) => boolean;
}

const CHECK_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A decision that is still due is shown again after this time. */
const REPEAT_MS = 24 * HOUR_MS;
/** Payouts within this time are one notification. */
const PAYOUTS_EVERY_MS = HOUR_MS;
/** Hour of the day, local, from which the summary is shown. */
const SUMMARY_HOUR = 9;

const COLLECTION = 'notifications';
const KEY = 'shown';
const shownSchema = z.object({
  /** When each decision was shown; removed once it isn't due any more. */
  decisions: z.record(z.string(), z.number()).default({}),
  /** By asset: what had arrived at the last notification, and its time. */
  received: z.record(z.string(), z.object({ total: z.string(), atMs: z.number() })).default({}),
  /** Start of the last week whose end was noticed; null before the first. */
  weekFromMs: z.number().nullable().default(null),
});
type Shown = z.infer<typeof shownSchema>;

/** Checks once a minute. Returns the function that ends it. */
export function startNotifications(options: NotificationsOptions): { check(): void; stop(): void } {
  const { clock, records } = options;
  let shown: Shown = shownSchema
    .catch({ decisions: {}, received: {}, weekFromMs: null })
    .parse(JSON.parse(records.get(COLLECTION, KEY) ?? '{}'));
  const check = () => {
    const nowMs = clock.now();
    const next: Shown = {
      decisions: dueDecisions(options, shown.decisions, nowMs),
      received: arrivedPayouts(options, shown.received, nowMs),
      weekFromMs: endedWeek(options, shown.weekFromMs, nowMs),
    };
    if (JSON.stringify(next) === JSON.stringify(shown)) return;
    shown = next;
    records.set(COLLECTION, KEY, JSON.stringify(shown));
  };
  const timer: Timer = clock.every(CHECK_EVERY_MS, check);
  return { check, stop: () => timer.cancel() };
}

function dueDecisions(
  { decisions, isOn, show }: NotificationsOptions,
  before: Shown['decisions'],
  nowMs: number,
): Shown['decisions'] {
  return Object.fromEntries(
    decisions().flatMap((code) => {
      const lastMs = before[code];
      const isDue = lastMs === undefined || nowMs - lastMs >= REPEAT_MS;
      if (isDue && isOn() && show({ kind: 'decision', code })) return [[code, nowMs]];
      return lastMs === undefined ? [] : [[code, lastMs]];
    }),
  );
}

/**
 * Practice money is worth nothing and is paid out every few minutes, so only its first payout is shown. What arrives
 * while the switch is off is never shown.
 */
function arrivedPayouts(
  { asset, received, isOn, show }: NotificationsOptions,
  before: Shown['received'],
  nowMs: number,
): Shown['received'] {
  const total = received();
  const last = before[asset.id];
  const take = { ...before, [asset.id]: { total: String(total), atMs: nowMs } };
  // What had arrived before the first check isn't news, unless it is all that ever did.
  if (last === undefined) return { ...before, [asset.id]: { total: String(total), atMs: 0 } };
  const amount = total - BigInt(last.total);
  if (amount <= 0n) return before;
  if (!isOn() || (asset.practice && last.total !== '0')) return take;
  if (nowMs - last.atMs < PAYOUTS_EVERY_MS) return before;
  return show({ kind: 'payout', asset, amount: String(amount) }) ? take : before;
}

/** Shown from Monday morning on, for the week before, where anything was earned in it. */
function endedWeek(
  { asset, calendar, days, isOn, show }: NotificationsOptions,
  before: number | null,
  nowMs: number,
): number | null {
  const weekFromMs = calendar.startOfWeek(nowMs);
  if (before === null || before === weekFromMs) return weekFromMs;
  if (calendar.wall(nowMs).hour < SUMMARY_HOUR) return before;
  const daysOfThisWeek = daysSince(calendar, weekFromMs, nowMs);
  const ended = days(daysOfThisWeek + WEEK_DAYS).slice(0, WEEK_DAYS);
  const earned = ended.reduce((sum, day) => sum + day.earned, 0n);
  const jobs = ended.reduce((sum, day) => sum + day.jobs, 0);
  if (earned === 0n || !isOn()) return weekFromMs;
  return show({ kind: 'week', asset, earned: String(earned), jobs }) ? weekFromMs : before;
}

/** Number of local days from the start of the week up to and including today. */
function daysSince(calendar: NotificationsOptions['calendar'], weekFromMs: number, nowMs: number): number {
  let count = 1;
  for (let day = calendar.startOfDay(nowMs); day > weekFromMs; day = calendar.startOfDay(day - 1)) count += 1;
  return count;
}

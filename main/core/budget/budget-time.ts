/**
 * The time by which the budget of a day is counted. It follows the time since the machine started, which nobody can set,
 * so that a clock that jumps frees no budget, also over restarts of the agent. Only for the time in which the machine was
 * off it needs the clock.
 */
import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Uptime } from '../../ports/uptime.ts';

/** Milliseconds; begins as the clock's time and then never jumps. */
export interface BudgetTime {
  now(): number;
  /** Stores the time; to be called with what is counted by it. */
  save(): void;
}

const COLLECTION = 'buying-day';
const KEY = 'time';

const stateSchema = z.object({
  timeMs: z.number(),
  uptimeMs: z.number(),
  startId: z.string().nullable(),
  /** The latest time that the clock has shown: time in which the machine was off counts only beyond it. */
  clockMaxMs: z.number(),
});
type State = z.infer<typeof stateSchema>;

export function createBudgetTime(
  records: RecordStore,
  clock: Pick<Clock, 'now'>,
  uptime: Uptime,
): BudgetTime {
  function read(): State | null {
    const text = records.get(COLLECTION, KEY);
    return text === null ? null : stateSchema.parse(JSON.parse(text));
  }

  /** Time in which the machine was off, as far as the clock shows it, and its time since the start. */
  function sinceOtherStart(before: State): number {
    return Math.max(uptime.sinceStartMs(), clock.now() - before.clockMaxMs);
  }

  function current(before: State | null): State {
    const uptimeMs = uptime.sinceStartMs();
    const { startId } = uptime;
    const nowMs = clock.now();
    if (before === null) return { timeMs: nowMs, uptimeMs, startId, clockMaxMs: nowMs };
    const isSameStart = before.startId === startId && uptimeMs >= before.uptimeMs;
    const passedMs = isSameStart ? uptimeMs - before.uptimeMs : sinceOtherStart(before);
    return {
      timeMs: before.timeMs + passedMs,
      uptimeMs,
      startId,
      clockMaxMs: Math.max(before.clockMaxMs, nowMs),
    };
  }

  let state = current(read());
  const save = () => {
    state = current(state);
    records.set(COLLECTION, KEY, JSON.stringify(state));
  };
  try {
    save();
  } catch (error) {
    // Nothing is bought while the disk takes no writes, and the next purchase saves it.
    if (storageFaultOf(error) === null) throw error;
  }
  return { now: () => current(state).timeMs, save };
}

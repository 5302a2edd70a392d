/** Time for which the owner lets Idlewatt run although they use the machine; survives restarts of the agent. */
import { z } from 'zod';
import { assertNever } from '../../../shared/assert.ts';
import type { StartFor } from '../../../shared/presence.ts';
import type { Clock } from '../../ports/clock.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { tomorrowMorning } from './morning.ts';

export interface OwnerStart {
  /** Time at which it ends, in milliseconds since the epoch; null if the owner started nothing, or it is over. */
  untilMs(): number | null;
  /** Replaces an earlier one. */
  begin(duration: StartFor): void;
  end(): void;
}

const COLLECTION = 'presence';
const KEY = 'start';
const HOUR_MS = 3_600_000;

const storedSchema = z.object({ sinceMs: z.number(), untilMs: z.number() });

interface Started {
  readonly untilMs: number;
  /** On the monotonic clock. */
  readonly lastsUntilMs: number;
}

/**
 * The first of two clocks ends it, so that a clock that is set back doesn't make it longer. After a restart it is over as
 * well if the clock shows a time before its start.
 */
export function createOwnerStart(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
}): OwnerStart {
  const { clock, calendar, records } = parts;
  const lasting = (untilMs: number): Started => ({
    untilMs,
    lastsUntilMs: clock.monotonic() + untilMs - clock.now(),
  });
  let started = readStored();

  function readStored(): Started | null {
    const text = records.get(COLLECTION, KEY);
    if (text === null) return null;
    const { sinceMs, untilMs } = storedSchema.parse(JSON.parse(text));
    return clock.now() < sinceMs ? null : lasting(untilMs);
  }

  function end(): void {
    if (started === null) return;
    started = null;
    try {
      records.delete(COLLECTION, KEY);
    } catch (error) {
      // Without a disk nothing runs; its time ends it after a restart, too.
      if (storageFaultOf(error) === null) throw error;
    }
  }

  return {
    untilMs() {
      if (started === null) return null;
      if (clock.now() >= started.untilMs || clock.monotonic() >= started.lastsUntilMs) end();
      return started?.untilMs ?? null;
    },
    begin(duration) {
      const sinceMs = clock.now();
      const untilMs = endOf(duration, sinceMs, calendar);
      records.set(COLLECTION, KEY, JSON.stringify({ sinceMs, untilMs }));
      started = lasting(untilMs);
    },
    end,
  };
}

function endOf(duration: StartFor, nowMs: number, calendar: Calendar): number {
  switch (duration) {
    case '1-hour':
      return nowMs + HOUR_MS;
    case '4-hours':
      return nowMs + 4 * HOUR_MS;
    case '8-hours':
      return nowMs + 8 * HOUR_MS;
    case 'tomorrow':
      return tomorrowMorning(nowMs, calendar);
    default:
      return assertNever(duration);
  }
}

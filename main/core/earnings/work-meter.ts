/**
 * Counts what the work took: energy beyond the idle machine, by local day, and which device computed when. Energy is
 * counted only while the power draw of the work is known; the rest of the time is unknown.
 */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import type { DeviceChange } from './device-earnings.ts';
import type { WorkWatts } from './work-watts.ts';

export interface DayEnergy {
  /** `YYYY-MM-DD`, local. */
  readonly day: string;
  /** Time with a loaded engine. */
  readonly activeMs: number;
  /** Part of it in which the energy is known. */
  readonly measuredMs: number;
  /** Part of that in which it rests on the owner's figure instead of a sensor. */
  readonly estimatedMs: number;
  readonly peakWattHours: number;
  readonly offPeakWattHours: number;
}

export interface WorkMeter {
  /** Of the last `count` local days, those with a loaded engine, oldest first. */
  energy(count: number): readonly DayEnergy[];
  /** Oldest first. */
  deviceChanges(): readonly DeviceChange[];
  /** Names the device that computes from now on. */
  setDevice(name: string): void;
  stop(): void;
}

const ENERGY = 'energy';
const DEVICES = 'devices-used';
const SAMPLE_EVERY_MS = 10_000;
/** A longer gap means that the machine slept or its clock was set: it isn't counted. */
const GAP_MS_MAX = 3 * SAMPLE_EVERY_MS;
/** Samples between two writes. */
const WRITE_EVERY = 6;
/** Older changes of the device are dropped; earnings of that time have no device then. */
const CHANGES_MAX = 2_000;
const KEY_DIGITS = 15;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const energySchema = z.object({
  activeMs: z.number().nonnegative(),
  measuredMs: z.number().nonnegative(),
  /** Days of earlier versions rest on sensors alone. */
  estimatedMs: z.number().nonnegative().default(0),
  peakWattHours: z.number().nonnegative(),
  offPeakWattHours: z.number().nonnegative(),
});
type Energy = z.infer<typeof energySchema>;
const NONE: Energy = {
  activeMs: 0,
  measuredMs: 0,
  estimatedMs: 0,
  peakWattHours: 0,
  offPeakWattHours: 0,
};

export interface WorkMeterParts {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** An engine is loaded, or being loaded. */
  readonly isActive: () => boolean;
  readonly watts: Pick<WorkWatts, 'now'>;
  readonly isOffPeak: (atMs: number) => boolean;
}

export function createWorkMeter(parts: WorkMeterParts): WorkMeter {
  const { clock, calendar, records } = parts;
  let sampledMs = clock.monotonic();
  let samples = 0;
  const pending = new Map<string, Energy>();
  let changes = readChanges(records);

  function sample(): void {
    const nowMs = clock.monotonic();
    const passedMs = nowMs - sampledMs;
    sampledMs = nowMs;
    if (passedMs > 0 && passedMs <= GAP_MS_MAX && parts.isActive()) add(passedMs);
    samples += 1;
    if (samples % WRITE_EVERY === 0) write();
  }

  function add(passedMs: number): void {
    const atMs = clock.now();
    const day = calendar.day(atMs - passedMs);
    const before = pending.get(day) ?? NONE;
    const watts = parts.watts.now();
    const wattHours = watts === null ? 0 : (watts.value * passedMs) / HOUR_MS;
    const isOffPeak = parts.isOffPeak(atMs);
    pending.set(day, {
      activeMs: before.activeMs + passedMs,
      measuredMs: before.measuredMs + (watts === null ? 0 : passedMs),
      estimatedMs: before.estimatedMs + (watts?.source === 'setting' ? passedMs : 0),
      peakWattHours: before.peakWattHours + (isOffPeak ? 0 : wattHours),
      offPeakWattHours: before.offPeakWattHours + (isOffPeak ? wattHours : 0),
    });
  }

  function write(): void {
    for (const day of [...pending.keys()]) {
      records.set(ENERGY, day, JSON.stringify(total(day)));
      // One at a time: what a full disk doesn't take is counted with the next write.
      pending.delete(day);
    }
  }

  /** The stored part and the part still to be stored; null for a day without work. */
  function total(day: string): Energy | null {
    const text = records.get(ENERGY, day);
    const stored = text === null ? null : energySchema.parse(JSON.parse(text));
    const added = pending.get(day);
    if (added === undefined || stored === null) return added ?? stored;
    return {
      activeMs: stored.activeMs + added.activeMs,
      measuredMs: stored.measuredMs + added.measuredMs,
      estimatedMs: stored.estimatedMs + added.estimatedMs,
      peakWattHours: stored.peakWattHours + added.peakWattHours,
      offPeakWattHours: stored.offPeakWattHours + added.offPeakWattHours,
    };
  }

  const timer: Timer = clock.every(SAMPLE_EVERY_MS, sample);
  return {
    energy(count) {
      const nowMs = clock.now();
      const days = new Set(Array.from({ length: count }, (_, back) => calendar.day(nowMs - back * DAY_MS)));
      return [...days].sort().flatMap((day) => {
        const energy = total(day);
        return energy === null ? [] : [{ day, ...energy }];
      });
    },
    deviceChanges: () => changes,
    setDevice(name) {
      if (changes.at(-1)?.name === name) return;
      const atMs = clock.now();
      records.set(DEVICES, keyOf(atMs), JSON.stringify(name));
      // After the clock was set back, a change isn't the last one in order of time.
      changes = readChanges(records);
      for (const { atMs: old } of changes.slice(0, Math.max(0, changes.length - CHANGES_MAX))) {
        records.delete(DEVICES, keyOf(old));
      }
      changes = changes.slice(-CHANGES_MAX);
    },
    stop() {
      timer.cancel();
      write();
    },
  };
}

interface Change {
  readonly atMs: number;
  readonly name: string;
}

function readChanges(records: RecordStore): readonly Change[] {
  return records.list(DEVICES).map(({ key, value }) => ({
    atMs: Number(key),
    name: z.string().parse(JSON.parse(value)),
  }));
}

function keyOf(atMs: number): string {
  return String(atMs).padStart(KEY_DIGITS, '0');
}

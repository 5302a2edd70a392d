/** Decides whether to run, throttle or pause, and returns exactly one reason. Pure: depends only on its arguments. */
import { comfortLimits, HOT_CELSIUS } from '../../../shared/comfort.ts';
import {
  decisionOf,
  type Presence,
  type PresenceReason,
  type StorageFault,
} from '../../../shared/presence.ts';
import type { Readings } from '../../../shared/readings.ts';
import type { Settings } from '../../../shared/settings.ts';

/** A pause by the owner; `untilMs` is null if only the owner can end it. */
export interface Pause {
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** State of the model and the engine: `ready` if there is something to serve with. */
export type Availability =
  | 'starting'
  | 'ready'
  | 'no-model'
  | 'engine-gave-up'
  | 'unconfined'
  | 'processor-off';

/** The settings that affect the decision. */
export type PresenceSettings = Pick<
  Settings,
  | 'runWhen'
  | 'idleMinutes'
  | 'runOnBattery'
  | 'runOnMetered'
  | 'onlyWhenLocked'
  | 'pauseForFullScreen'
  | 'pauseForDisplayAwake'
  | 'pauseForOtherPrograms'
  | 'pauseForOtherUsers'
  | 'comfort'
  | 'wattsMax'
>;

export interface PresenceRules extends PresenceSettings {
  readonly pause: Pause | null;
  /** Until then the owner lets it run although they use the machine; null if they don't. */
  readonly startedUntilMs: number | null;
  /** Fault of the disk or the database, for which nothing could be recorded; null for none. */
  readonly storage: StorageFault | null;
  readonly availability: Availability;
  /** An agent of another user of this machine computes. */
  readonly isTakenByOther: boolean;
  /** Time from which the schedule allows running: now or earlier, later, or never (null). */
  readonly scheduleFromMs: number | null;
  /** The same for the off-peak hours. */
  readonly offPeakFromMs: number | null;
}

/** Hysteresis: a reason ends only once the value falls this far below its limit, so that it doesn't flap. */
const WARM_BACK_CELSIUS = 3;
const HOT_BACK_CELSIUS = 5;
const WATTS_BACK_SHARE = 0.9;
const GRAPHICS_PERCENT = { from: 20, back: 10 };
const PROCESSOR_PERCENT = { from: 50, back: 30 };

/**
 * Returns the reason of the first rule that applies, in this order: the owner's pause, storage, availability, what
 * protects the machine and the owner's money, then signs that the owner needs the machine, then another user of it. Unknown idle time and unknown power
 * source count in the owner's favor; a rule whose reading no source of this machine provides can't apply (decision 12).
 * `before` is the reason until now, for the hysteresis. `sinceMs` of the result is the start of the owner's pause,
 * otherwise now.
 */
export function decide(
  readings: Readings,
  rules: PresenceRules,
  nowMs: number,
  before: PresenceReason | null = null,
): Presence {
  const { pause } = rules;
  if (pause !== null && (pause.untilMs === null || nowMs < pause.untilMs)) {
    return { ...because('paused-by-owner', pause.untilMs), sinceMs: pause.sinceMs };
  }
  if (rules.storage !== null) return because(rules.storage);
  if (rules.availability !== 'ready') return because(rules.availability);
  const isStarted = rules.startedUntilMs !== null && nowMs < rules.startedUntilMs;
  const heat = heatOf(readings, rules, before);
  if (heat === 'too-hot') return because('too-hot');
  const unsuitable = machineUnsuitable();
  if (unsuitable !== null) return unsuitable;
  if (rules.runWhen === 'idle' && !isStarted) {
    const needed = neededByOwner();
    if (needed !== null) return needed;
  }
  if (rules.pauseForOtherUsers && rules.isTakenByOther) return because('other-user');
  if (heat !== null) return because(heat);
  if (exceeds(readings.watts?.value, rules.wattsMax, before === 'too-much-power' ? WATTS_BACK_SHARE : 1)) {
    return because('too-much-power');
  }
  if (rules.runWhen === 'always') return because('always-on');
  return isStarted ? because('started-by-owner', rules.startedUntilMs) : because('idle');

  /** Checks power source, network and hours. */
  function machineUnsuitable(): Presence | null {
    const onBattery = readings.onBattery?.value ?? null;
    if (readings.lidClosed?.value === true && onBattery !== false) return because('lid-closed');
    if (!rules.runOnBattery) {
      if (onBattery === true) return because('on-battery');
      // Machines set to always run may have no source for the battery. An owner who starts it can see the power source.
      if (onBattery === null && rules.runWhen === 'idle' && !isStarted) return because('session-unknown');
    }
    if (!rules.runOnMetered && readings.metered?.value === true) return because('metered');
    if (isLater(rules.scheduleFromMs, nowMs)) return because('outside-schedule', rules.scheduleFromMs);
    if (isLater(rules.offPeakFromMs, nowMs)) return because('outside-off-peak', rules.offPeakFromMs);
    return null;
  }

  function neededByOwner(): Presence | null {
    const locked = readings.locked?.value ?? null;
    if (rules.onlyWhenLocked && locked !== true) {
      return because(locked === null ? 'session-unknown' : 'not-locked');
    }
    if (readings.remote?.value === true) return because('remote-session');
    // A locked screen shows that the owner left, sooner than any idle time.
    return (locked === true ? null : usedByOwner()) ?? usedByPrograms();
  }

  function usedByOwner(): Presence | null {
    const { inputIdleSeconds: input, controllerIdleSeconds: controller } = readings;
    if (input === null) return because('session-unknown');
    const idleMs = rules.idleMinutes * 60_000;
    const idleAtMs = (reading: { value: number; atMs: number }) =>
      reading.atMs + Math.ceil(idleMs - reading.value * 1000);
    if (input.value * 1000 < idleMs) return because('owner-active', idleAtMs(input));
    if (controller !== null && controller.value * 1000 < idleMs) {
      return because('controller-in-use', idleAtMs(controller));
    }
    if (rules.pauseForFullScreen && readings.fullScreen?.value === true) return because('full-screen');
    if (rules.pauseForDisplayAwake && readings.displayKeptAwake?.value === true) {
      return because('display-kept-awake');
    }
    return null;
  }

  function usedByPrograms(): Presence | null {
    if (!rules.pauseForOtherPrograms) return null;
    const busy = (
      percent: number | undefined,
      limit: { from: number; back: number },
      reason: PresenceReason,
    ) => percent !== undefined && percent >= (before === reason ? limit.back : limit.from);
    if (busy(readings.otherGraphicsPercent?.value, GRAPHICS_PERCENT, 'graphics-in-use')) {
      return because('graphics-in-use');
    }
    if (busy(readings.otherProcessorPercent?.value, PROCESSOR_PERCENT, 'processor-in-use')) {
      return because('processor-in-use');
    }
    return null;
  }

  function because(reason: PresenceReason, untilMs: number | null = null): Presence {
    return { decision: decisionOf(reason), reason, sinceMs: nowMs, untilMs };
  }
}

function isLater(fromMs: number | null, nowMs: number): boolean {
  return fromMs === null || fromMs > nowMs;
}

/** Rates the hotter of CPU and GPUs, each against its own limit. */
function heatOf(
  readings: Readings,
  rules: PresenceRules,
  before: PresenceReason | null,
): 'too-hot' | 'too-warm' | null {
  const { processorCelsiusMax, graphicsCelsiusMax } = comfortLimits(rules.comfort);
  const above = Math.max(
    (readings.processorCelsius?.value ?? Number.NEGATIVE_INFINITY) - processorCelsiusMax,
    (readings.graphicsCelsius?.value ?? Number.NEGATIVE_INFINITY) - graphicsCelsiusMax,
  );
  if (above >= (before === 'too-hot' ? -HOT_BACK_CELSIUS : HOT_CELSIUS)) return 'too-hot';
  if (above >= (before === 'too-warm' ? -WARM_BACK_CELSIUS : 0)) return 'too-warm';
  return null;
}

function exceeds(value: number | undefined, limit: number | null, share: number): boolean {
  return value !== undefined && limit !== null && value >= limit * share;
}

/**
 * Previews the coming time by the owner's rules: schedule, off-peak hours and pause. It calls the decision itself with
 * ideal readings, so that the preview can't differ from what happens then.
 */
import { assert } from '../../../shared/assert.ts';
import { FORESEEN_REASONS, type Stretch } from '../../../shared/presence.ts';
import { isOn, type Week } from '../../../shared/week.ts';
import type { Calendar } from '../calendar/index.ts';
import { decide, type Pause, type PresenceSettings } from './decide.ts';
import { nextStep, type WindowSettings } from './hours.ts';
import { createLatestReadings } from './latest-readings.ts';

/** Assumed for the preview, because nothing can foresee whether the machine will be free, cool and plugged in. */
const IDEAL_CONDITIONS = { runWhen: 'always', runOnBattery: true, runOnMetered: true } as const;

/**
 * Returns stretches in order and without gaps, starting now. Neighbors have different reasons; null means allowed.
 */
export function previewSchedule(
  { scheduleOn, schedule, onlyOffPeakHours, offPeakHours, ...rules }: PresenceSettings & WindowSettings,
  pause: Pause | null,
  calendar: Pick<Calendar, 'wall'>,
  { nowMs, endMs }: { readonly nowMs: number; readonly endMs: number },
): Stretch[] {
  const readings = createLatestReadings().at(nowMs);
  const stretches: Stretch[] = [];
  let fromMs = nowMs;
  while (fromMs < endMs) {
    const reason = reasonAt(fromMs);
    const stepMs = Math.min(nextStep(fromMs), endMs);
    // A pause may end between two quarters of an hour.
    const pauseEndsMs = pause?.untilMs ?? stepMs;
    const untilMs = pauseEndsMs > fromMs ? Math.min(stepMs, pauseEndsMs) : stepMs;
    const last = stretches.at(-1);
    if (last?.reason === reason) stretches[stretches.length - 1] = { ...last, untilMs };
    else stretches.push({ fromMs, untilMs, reason });
    fromMs = untilMs;
  }
  return stretches;

  function reasonAt(atMs: number): Stretch['reason'] {
    const wall = calendar.wall(atMs);
    const from = (isUsed: boolean, week: Week) => (!isUsed || isOn(week, wall) ? atMs : null);
    const { reason } = decide(
      readings,
      {
        ...rules,
        ...IDEAL_CONDITIONS,
        pause,
        startedUntilMs: null,
        storage: null,
        availability: 'ready',
        isTakenByOther: false,
        scheduleFromMs: from(scheduleOn, schedule),
        offPeakFromMs: from(onlyOffPeakHours, offPeakHours),
      },
      atMs,
    );
    if (reason === 'always-on') return null;
    const foreseen = FORESEEN_REASONS.find((each) => each === reason);
    assert(foreseen !== undefined, `${reason} can't be foreseen from the owner's rules`);
    return foreseen;
  }
}

/**
 * What the owner's own rules say of the next 24 hours: schedule, cheap hours and pause. Asked of the decision itself,
 * with nothing else in the way, so that the preview and what then happens cannot differ.
 */
import { assert } from '../../../shared/assert.ts';
import { FORESEEN_REASONS, type Stretch } from '../../../shared/presence.ts';
import { isOn, type Week } from '../../../shared/week.ts';
import type { Calendar } from '../calendar/index.ts';
import { createReadingsBoard } from './board.ts';
import { decide, type Pause, type PresenceSettings } from './decide.ts';
import { nextStep, type WindowSettings } from './windows.ts';

/** Of time, not of the clock: on a day on which clocks are changed it says another hour at the end. */
const AHEAD_MS = 86_400_000;
/** Whether the machine will be free, cool and plugged in is not foreseen: all of it counts as given. */
const NOTHING_IN_THE_WAY = { runWhen: 'always', runOnBattery: true, runOnMetered: true } as const;

/** In order and without gaps, the first from now on; neighbours have different reasons, null is allowed. */
export function previewSchedule(
  { scheduleOn, schedule, onlyOffPeakHours, offPeakHours, ...rules }: PresenceSettings & WindowSettings,
  pause: Pause | null,
  calendar: Pick<Calendar, 'wall'>,
  nowMs: number,
): Stretch[] {
  const readings = createReadingsBoard().at(nowMs);
  const endMs = nowMs + AHEAD_MS;
  const stretches: Stretch[] = [];
  let fromMs = nowMs;
  while (fromMs < endMs) {
    const reason = reasonAt(fromMs);
    const stepMs = Math.min(nextStep(fromMs), endMs);
    // A pause ends where it ends, not at a quarter.
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
        ...NOTHING_IN_THE_WAY,
        pause,
        availability: 'ready',
        scheduleFromMs: from(scheduleOn, schedule),
        offPeakFromMs: from(onlyOffPeakHours, offPeakHours),
      },
      atMs,
    );
    if (reason === 'always-on') return null;
    const foreseen = FORESEEN_REASONS.find((each) => each === reason);
    assert(foreseen !== undefined, `${reason} is not in the owner's hands alone`);
    return foreseen;
  }
}

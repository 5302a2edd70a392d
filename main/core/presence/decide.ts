/** May we run now, and if not, why: one function from readings and rules to a decision with one reason. */
import type { Readings } from '../../../shared/api/contract.ts';
import type { Presence, PresenceReason } from '../../../shared/presence.ts';
import type { Settings } from '../../../shared/settings.ts';

/** The owner's pause; `untilMs` is null when only the owner ends it. */
export interface Pause {
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** Whether there is something to serve with. */
export type Availability = 'starting' | 'ready' | 'no-model' | 'engine-gave-up';

export interface PresenceRules extends Pick<Settings, 'runWhen' | 'idleMinutes' | 'runOnBattery'> {
  readonly pause: Pause | null;
  readonly availability: Availability;
}

/** Readings older than this say nothing about now. */
export const READINGS_AGE_MS_MAX = 30_000;

/**
 * The first rule that applies gives the reason: the owner's word, then what we can do at all, then what
 * the machine shows. Whatever is unknown counts for the owner. `sinceMs` is when the reason is known to
 * have begun: the pause's own start, otherwise now.
 */
export function decide(readings: Readings | null, rules: PresenceRules, nowMs: number): Presence {
  const { pause } = rules;
  if (pause !== null && (pause.untilMs === null || nowMs < pause.untilMs)) {
    return { decision: 'pause', reason: 'paused-by-owner', sinceMs: pause.sinceMs, untilMs: pause.untilMs };
  }
  if (rules.availability !== 'ready') return because('pause', rules.availability);
  if (rules.runWhen === 'always') return because('run', 'always-on');
  if (readings === null || Math.abs(nowMs - readings.atMs) > READINGS_AGE_MS_MAX) {
    return because('pause', 'session-unknown');
  }
  if (!rules.runOnBattery) {
    if (readings.onBattery === null) return because('pause', 'session-unknown');
    if (readings.onBattery) return because('pause', 'on-battery');
  }
  // A locked screen says that the owner left, sooner than any waiting.
  if (readings.locked === true) return because('run', 'idle');
  if (readings.idleSeconds === null) return because('pause', 'session-unknown');
  const missingMs = Math.ceil(rules.idleMinutes * 60_000 - readings.idleSeconds * 1000);
  if (missingMs <= 0) return because('run', 'idle');
  return because('pause', 'owner-active', readings.atMs + missingMs);

  function because(
    decision: Presence['decision'],
    reason: PresenceReason,
    untilMs: number | null = null,
  ): Presence {
    return { decision, reason, sinceMs: nowMs, untilMs };
  }
}

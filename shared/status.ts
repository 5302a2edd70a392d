/**
 * What pages and tray say first, without words: what the machine does now, why, and the one thing that
 * would change it. Pure, so that every reason is provably answered in every language.
 */
import type { AgentState } from './api/state.ts';
import { assertNever } from './assert.ts';
import { decisionOf, type PresenceReason } from './presence.ts';
import type { SettingsPatch } from './settings.ts';

export type Status = 'earning' | 'ready' | 'waiting' | 'paused' | 'starting' | 'stopped';

/** What mends a reason by changing one setting, and the change. */
export const REMEDY_SETTINGS = {
  'run-on-battery': { runOnBattery: true },
  'run-on-metered': { runOnMetered: true },
  'run-unlocked': { onlyWhenLocked: false },
  'run-any-hour': { scheduleOn: false },
  'run-any-tariff': { onlyOffPeakHours: false },
  'ignore-full-screen': { pauseForFullScreen: false },
  'ignore-display-awake': { pauseForDisplayAwake: false },
  'ignore-other-programs': { pauseForOtherPrograms: false },
  'run-always': { runWhen: 'always' },
} as const satisfies Readonly<Record<string, SettingsPatch>>;
export type SettingRemedy = keyof typeof REMEDY_SETTINGS;

/** What mends the reason, where one press can; null where it ends by itself or by the main button. */
export type Remedy = SettingRemedy | 'open-models' | 'open-settings' | null;

export type StatusReason =
  | 'serving-idle'
  | 'serving-always'
  | 'ready-idle'
  | 'ready-always'
  | 'engine-loading'
  | 'engine-restarting'
  | 'engine-stopped'
  | 'paused-until-time'
  | 'paused-until-resume'
  /** The week that the owner drew has no hour that is on. */
  | 'no-scheduled-hour'
  | 'no-off-peak-hour'
  | Exclude<PresenceReason, 'idle' | 'always-on' | 'paused-by-owner'>;

export interface Sentence {
  readonly status: Status;
  readonly why: StatusReason;
  readonly remedy: Remedy;
}

const REMEDIES: Readonly<Record<Exclude<PresenceReason, 'idle' | 'always-on'>, Remedy>> = {
  'too-warm': 'open-settings',
  'too-much-power': 'open-settings',
  'paused-by-owner': null,
  starting: null,
  'no-model': 'open-models',
  'engine-gave-up': 'open-models',
  'too-hot': 'open-settings',
  // A closed lid off the mains is the one that no press should mend.
  'lid-closed': null,
  'on-battery': 'run-on-battery',
  metered: 'run-on-metered',
  'outside-schedule': 'run-any-hour',
  'outside-off-peak': 'run-any-tariff',
  'session-unknown': 'run-always',
  'not-locked': 'run-unlocked',
  'remote-session': 'run-always',
  'owner-active': 'open-settings',
  'controller-in-use': 'open-settings',
  'full-screen': 'ignore-full-screen',
  'display-kept-awake': 'ignore-display-awake',
  'graphics-in-use': 'ignore-other-programs',
  'processor-in-use': 'ignore-other-programs',
};

export function statusOf(work: AgentState['work']): Sentence {
  const { reason, untilMs } = work.presence;
  switch (reason) {
    case 'paused-by-owner':
      return {
        status: 'paused',
        why: untilMs === null ? 'paused-until-resume' : 'paused-until-time',
        remedy: null,
      };
    case 'engine-gave-up':
      return { status: 'stopped', why: reason, remedy: REMEDIES[reason] };
    case 'starting':
      return { status: 'starting', why: reason, remedy: null };
    case 'outside-schedule':
      return {
        status: 'waiting',
        why: untilMs === null ? 'no-scheduled-hour' : reason,
        remedy: REMEDIES[reason],
      };
    case 'outside-off-peak':
      return {
        status: 'waiting',
        why: untilMs === null ? 'no-off-peak-hour' : reason,
        remedy: REMEDIES[reason],
      };
    case 'idle':
    case 'always-on':
      return runningSentence(work, reason === 'always-on' ? 'always' : 'idle', null);
    default:
      return decisionOf(reason) === 'throttle'
        ? runningSentence(work, 'idle', reason)
        : { status: 'waiting', why: reason, remedy: REMEDIES[reason] };
  }
}

/** `slowed` is why it runs more slowly than it could. */
function runningSentence(
  work: AgentState['work'],
  when: 'idle' | 'always',
  slowed: Exclude<PresenceReason, 'idle' | 'always-on' | 'paused-by-owner'> | null,
): Sentence {
  switch (work.engine) {
    case 'gave-up':
      return { status: 'stopped', why: 'engine-gave-up', remedy: 'open-models' };
    case 'restarting':
      return { status: 'starting', why: 'engine-restarting', remedy: null };
    case 'loading':
      return { status: 'starting', why: 'engine-loading', remedy: null };
    case 'stopped':
      return { status: 'starting', why: 'engine-stopped', remedy: null };
    case 'ready': {
      const serves = work.activeJobs.length > 0;
      const status = serves ? 'earning' : 'ready';
      if (slowed !== null) return { status, why: slowed, remedy: REMEDIES[slowed] };
      return { status, why: `${serves ? 'serving' : 'ready'}-${when}`, remedy: null };
    }
    default:
      return assertNever(work.engine);
  }
}

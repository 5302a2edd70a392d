/**
 * The status line of pages and tray, without its text: what the machine does now, why, and the one thing that would
 * change it. Pure, so that tests can cover every reason in every language.
 */
import type { AgentState } from './api/state.ts';
import { assertNever } from './assert.ts';
import { decisionOf, type PresenceReason } from './presence.ts';
import type { SettingsPatch } from './settings.ts';

/** IDs of the models that the status is about: those with jobs, or else the main one if it is in memory. */
export function statusModels({ model, loaded, activeJobs }: AgentState['work']): readonly string[] {
  const busy = [...new Set(activeJobs.map((job) => job.model))];
  if (busy.length > 0) return busy;
  const isElse = loaded.every((each) => each.model !== model);
  const shown = (isElse ? loaded[0]?.model : null) ?? model;
  return shown === null ? [] : [shown];
}

export type Status = 'earning' | 'ready' | 'waiting' | 'paused' | 'starting' | 'stopped';

/** Remedies that change one setting, with that change. */
export const REMEDY_SETTINGS = {
  'run-on-battery': { runOnBattery: true },
  'run-on-metered': { runOnMetered: true },
  'run-unlocked': { onlyWhenLocked: false },
  'run-any-hour': { scheduleOn: false },
  'run-any-tariff': { onlyOffPeakHours: false },
  'ignore-full-screen': { pauseForFullScreen: false },
  'ignore-display-awake': { pauseForDisplayAwake: false },
  'ignore-other-programs': { pauseForOtherPrograms: false },
  'ignore-other-users': { pauseForOtherUsers: false },
  'serve-unconfined': { serveUnconfined: true },
  'use-processor': { processorOff: false },
  'run-always': { runWhen: 'always' },
  'turn-market-on': { marketOn: true },
} as const satisfies Readonly<Record<string, SettingsPatch>>;
export type SettingRemedy = keyof typeof REMEDY_SETTINGS;

/** A fix by one click; null where the reason ends automatically or by the main button. */
export type Remedy = SettingRemedy | 'open-models' | 'open-settings' | null;

export type StatusReason =
  | 'serving-idle'
  | 'serving-always'
  | 'serving-started'
  | 'ready-idle'
  | 'ready-always'
  | 'ready-started'
  | 'no-job-source'
  | 'engine-loading'
  | 'engine-restarting'
  | 'engine-stopped'
  | 'paused-until-time'
  | 'paused-until-resume'
  /** The owner's schedule, or the off-peak hours, have no hour turned on. */
  | 'no-scheduled-hour'
  | 'no-off-peak-hour'
  | Exclude<PresenceReason, 'idle' | 'always-on' | 'started-by-owner' | 'paused-by-owner'>;

export interface StatusLine {
  readonly status: Status;
  readonly why: StatusReason;
  readonly remedy: Remedy;
}

const REMEDIES: Readonly<Record<Exclude<PresenceReason, 'idle' | 'always-on' | 'started-by-owner'>, Remedy>> =
  {
    'too-warm': 'open-settings',
    'too-much-power': 'open-settings',
    'paused-by-owner': null,
    // Room on the disk and a restored backup are outside Idlewatt.
    'disk-full': null,
    'disk-unwritable': null,
    'database-lost': null,
    'database-damaged': null,
    starting: null,
    'no-agent': null,
    'no-model': 'open-models',
    'engine-gave-up': 'open-models',
    unconfined: 'serve-unconfined',
    'processor-off': 'use-processor',
    'too-hot': 'open-settings',
    // No click may turn off the protection against running in a bag on battery.
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
    'other-user': 'ignore-other-users',
  };

/** Reasons for which the owner's own use of the machine keeps Idlewatt waiting. */
const OWNER_REASONS: ReadonlySet<PresenceReason> = new Set([
  'session-unknown',
  'not-locked',
  'remote-session',
  'owner-active',
  'controller-in-use',
]);

/** True if a start by the owner, for a time, helps. */
export function waitsForOwner(reason: PresenceReason): boolean {
  return OWNER_REASONS.has(reason);
}

/** Derives the status line from the decision to run and the state of the engine. */
export function statusOf(work: AgentState['work']): StatusLine {
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
    case 'no-agent':
      return { status: 'stopped', why: reason, remedy: null };
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
      return runningStatus(work, 'idle', null);
    case 'always-on':
      return runningStatus(work, 'always', null);
    case 'started-by-owner':
      return runningStatus(work, 'started', null);
    default:
      return decisionOf(reason) === 'throttle'
        ? runningStatus(work, 'idle', reason)
        : { status: 'waiting', why: reason, remedy: REMEDIES[reason] };
  }
}

/** `throttledBy` is the reason for which the engine is throttled, if it is. */
function runningStatus(
  work: AgentState['work'],
  when: 'idle' | 'always' | 'started',
  throttledBy: Exclude<PresenceReason, 'idle' | 'always-on' | 'started-by-owner' | 'paused-by-owner'> | null,
): StatusLine {
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
      if (throttledBy !== null) return { status, why: throttledBy, remedy: REMEDIES[throttledBy] };
      if (!serves && !work.hasJobSource) return { status, why: 'no-job-source', remedy: 'turn-market-on' };
      return { status, why: `${serves ? 'serving' : 'ready'}-${when}`, remedy: null };
    }
    default:
      return assertNever(work.engine);
  }
}

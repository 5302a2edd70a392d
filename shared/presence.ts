/** Why we may or may not run now: the closed list that every page, log and tray line uses. */
import { z } from 'zod';

/** How a pause ends; `resume` means only when the owner says so. */
export const pauseUntilSchema = z.enum(['30-minutes', '1-hour', '2-hours', 'tomorrow', 'resume']);
export type PauseUntil = z.infer<typeof pauseUntilSchema>;

export const RUN_REASONS = [
  'idle', // the owner does not need the machine
  'always-on', // the owner asked to run regardless (headless machines)
] as const;

export const THROTTLE_REASONS = [
  'too-warm', // near the limit of temperature
  'too-much-power', // above the limit of watts
] as const;

export const PAUSE_REASONS = [
  'paused-by-owner',
  'starting',
  'no-model', // nothing to serve with yet
  'engine-gave-up',
  'too-hot',
  'lid-closed', // and not known to be on mains: it may lie in a bag
  'on-battery',
  'metered',
  'outside-schedule',
  'outside-off-peak', // outside of the hours of cheap power
  'session-unknown', // the readings needed are missing, which errs to the owner's side
  'not-locked', // the owner asked to run only behind a locked screen
  'remote-session',
  'owner-active',
  'controller-in-use',
  'full-screen',
  'display-kept-awake', // a film, a talk, a game
  'graphics-in-use', // by other programs
  'processor-in-use', // by other programs
] as const;

export const presenceReasonSchema = z.enum([...RUN_REASONS, ...THROTTLE_REASONS, ...PAUSE_REASONS]);
export type PresenceReason = z.infer<typeof presenceReasonSchema>;

export const presenceSchema = z.object({
  decision: z.enum(['run', 'throttle', 'pause']),
  reason: presenceReasonSchema,
  /** Milliseconds since the epoch. */
  sinceMs: z.number(),
  /** When the reason ends by itself; null when unknown or never. */
  untilMs: z.number().nullable(),
});
export type Presence = z.infer<typeof presenceSchema>;
export type PresenceDecision = Presence['decision'];

/** The reasons that lie in the owner's rules and the clock alone, so that they can be foreseen. */
export const FORESEEN_REASONS = [
  'paused-by-owner',
  'outside-schedule',
  'outside-off-peak',
] as const satisfies readonly PresenceReason[];

const stretchSchema = z.object({
  /** Milliseconds since the epoch. */
  fromMs: z.number(),
  untilMs: z.number(),
  /** Why not, for all of it; null where it is allowed. */
  reason: z.enum(FORESEEN_REASONS).nullable(),
});
export type Stretch = z.infer<typeof stretchSchema>;

/** The next 24 hours by the owner's rules, in order and without gaps. */
export const schedulePreviewSchema = z.object({
  /** IANA name of the zone that the rules are read in. */
  timeZone: z.string(),
  stretches: z.array(stretchSchema).min(1),
});
export type SchedulePreview = z.infer<typeof schedulePreviewSchema>;

/** What a reason means for the work; each reason has one decision. */
export function decisionOf(reason: PresenceReason): PresenceDecision {
  if ((RUN_REASONS as readonly string[]).includes(reason)) return 'run';
  return (THROTTLE_REASONS as readonly string[]).includes(reason) ? 'throttle' : 'pause';
}

/** Decision to run and its reason: the closed list that every page, log and tray line uses. */
import { z } from 'zod';

/** End of a pause; `resume` means only when the owner resumes. */
export const pauseUntilSchema = z.enum(['30-minutes', '1-hour', '2-hours', 'tomorrow', 'resume']);
export type PauseUntil = z.infer<typeof pauseUntilSchema>;

/** Time for which Idlewatt runs although the owner uses the machine. */
export const startForSchema = z.enum(['1-hour', '4-hours', '8-hours', 'tomorrow']);
export type StartFor = z.infer<typeof startForSchema>;

export const RUN_REASONS = [
  'idle', // the owner isn't using the machine
  'always-on', // the owner lets it run regardless (headless machines)
  'started-by-owner', // for a while, although the owner uses the machine
] as const;

export const THROTTLE_REASONS = [
  'too-warm', // at the temperature limit
  'too-much-power', // at the power limit
] as const;

/** Faults of the disk or the database, for which nothing is sold or bought: what they owe couldn't be recorded. */
export const STORAGE_REASONS = [
  'disk-full', // or so nearly that running jobs might not be recorded
  'disk-unwritable', // read-only, or failing
  'database-lost', // deleted, moved away or replaced while in use
  'database-damaged',
] as const;
export type StorageFault = (typeof STORAGE_REASONS)[number];

export const PAUSE_REASONS = [
  'paused-by-owner',
  ...STORAGE_REASONS,
  'starting',
  'no-agent', // set by a page that lost its agent; an agent never decides so
  'no-model', // nothing to serve with yet
  'engine-gave-up',
  'unconfined', // the engine's sandbox is missing, and the owner didn't agree to serve without it
  'processor-off', // turned off by the owner, and no GPU can be used
  'too-hot',
  'lid-closed', // and not known to be on mains power: the machine may be in a bag
  'on-battery',
  'metered',
  'outside-schedule',
  'outside-off-peak',
  'session-unknown', // required readings are missing, which counts in the owner's favor
  'not-locked', // the owner lets it run only while the screen is locked
  'remote-session',
  'owner-active',
  'controller-in-use',
  'full-screen',
  'display-kept-awake', // by a film, a presentation or a game
  'graphics-in-use', // by other programs
  'processor-in-use', // by other programs
  'other-user', // of this machine runs Idlewatt now
] as const;

export const presenceReasonSchema = z.enum([...RUN_REASONS, ...THROTTLE_REASONS, ...PAUSE_REASONS]);
export type PresenceReason = z.infer<typeof presenceReasonSchema>;

/** Reasons under the names that earlier versions stored. */
const FORMER_REASONS: Readonly<Record<string, PresenceReason>> = { 'power-dear': 'outside-off-peak' };

/** Reads a stored reason, including one under its former name. */
export const storedPresenceReasonSchema = z
  .string()
  .transform((name) => FORMER_REASONS[name] ?? name)
  .pipe(presenceReasonSchema);

export const presenceSchema = z.object({
  decision: z.enum(['run', 'throttle', 'pause']),
  reason: presenceReasonSchema,
  /** Milliseconds since the epoch. */
  sinceMs: z.number(),
  /** Time at which the reason ends automatically; null if unknown or never. */
  untilMs: z.number().nullable(),
});
export type Presence = z.infer<typeof presenceSchema>;
export type PresenceDecision = Presence['decision'];

/** Reasons that depend only on the owner's rules and the clock, so that they can be foreseen. */
export const FORESEEN_REASONS = [
  'paused-by-owner',
  'outside-schedule',
  'outside-off-peak',
] as const satisfies readonly PresenceReason[];

const stretchSchema = z.object({
  /** Milliseconds since the epoch. */
  fromMs: z.number(),
  untilMs: z.number(),
  /** Reason for not running, for the whole stretch; null where running is allowed. */
  reason: z.enum(FORESEEN_REASONS).nullable(),
});
export type Stretch = z.infer<typeof stretchSchema>;

/** The next 24 hours by the owner's rules, in order and without gaps. */
export const schedulePreviewSchema = z.object({
  /** IANA name of the time zone that the rules refer to. */
  timeZone: z.string(),
  stretches: z.array(stretchSchema).min(1),
});
export type SchedulePreview = z.infer<typeof schedulePreviewSchema>;

/** Returns the decision that belongs to a reason; each reason has exactly one. */
export function decisionOf(reason: PresenceReason): PresenceDecision {
  if ((RUN_REASONS as readonly string[]).includes(reason)) return 'run';
  return (THROTTLE_REASONS as readonly string[]).includes(reason) ? 'throttle' : 'pause';
}

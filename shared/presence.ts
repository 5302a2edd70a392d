/** Why we may or may not run now: the closed list that every page, log and tray line uses. */
import { z } from 'zod';

/** How a pause ends; `resume` means only when the owner says so. */
export const pauseUntilSchema = z.enum(['30-minutes', '1-hour', '2-hours', 'tomorrow', 'resume']);
export type PauseUntil = z.infer<typeof pauseUntilSchema>;

export const presenceReasonSchema = z.enum([
  'idle', // the owner does not need the machine: we run
  'always-on', // the owner asked to run regardless (headless machines): we run
  'paused-by-owner',
  'owner-active',
  'on-battery',
  'session-unknown', // the readings needed are missing, which errs to the owner's side
  'no-model', // nothing to serve with yet
  'engine-gave-up',
  'starting',
]);
export type PresenceReason = z.infer<typeof presenceReasonSchema>;

export const presenceSchema = z.object({
  decision: z.enum(['run', 'pause']),
  reason: presenceReasonSchema,
  /** Milliseconds since the epoch. */
  sinceMs: z.number(),
  /** When the reason ends by itself; null when unknown or never. */
  untilMs: z.number().nullable(),
});
export type Presence = z.infer<typeof presenceSchema>;

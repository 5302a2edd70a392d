/** Sources whose jobs this machine computes, and the owner's choice which of them comes first when slots are scarce. */
import { z } from 'zod';
import type { Settings } from './settings.ts';

/**
 * `market`: the peers of this network, which are the owner's other machines where nothing is paid; `bittensor`: hotkeys that
 * the owner allows; `horde`: an AI Horde. A storefront's jobs are computed on the market.
 */
export const JOB_SOURCES = ['market', 'bittensor', 'horde'] as const;
export type JobSource = (typeof JOB_SOURCES)[number];

/** `pay`: jobs that pay come first, and those for kudos last; `own`: in the owner's order. */
export const JOB_PREFERENCES = ['pay', 'own'] as const;
export const jobPreferenceSchema = z.enum(JOB_PREFERENCES);

/** Each source once, the first one first. */
export const jobSourceOrderSchema = z
  .array(z.enum(JOB_SOURCES))
  .length(JOB_SOURCES.length)
  .refine((order) => new Set(order).size === order.length, { message: 'must have each source once' });

/**
 * True if any source can bring this machine a job: `isFree` for the owner's other machines, hotkeys only if one is allowed. A
 * storefront can't: its jobs are computed on the market.
 */
export function bringsJobs(
  { marketOn, hordeOn, bittensorHotkeys }: Pick<Settings, 'marketOn' | 'hordeOn' | 'bittensorHotkeys'>,
  { isFree, listensForHotkeys }: { readonly isFree: boolean; readonly listensForHotkeys: boolean },
): boolean {
  return marketOn || hordeOn || isFree || (listensForHotkeys && bittensorHotkeys.length > 0);
}

/** Returns the order with a source moved to a place, counted from 0. */
export function movedTo(order: readonly JobSource[], source: JobSource, place: number): JobSource[] {
  return order.filter((each) => each !== source).toSpliced(place, 0, source);
}

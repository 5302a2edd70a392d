/** Decides between the sources of jobs: which job gets the next free slot of the engine. Pure. */
import type { JobSource } from '../../../shared/job-sources.ts';
import type { Price } from '../../../shared/price.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';

export type PreferenceSettings = Pick<Settings, 'jobPreference' | 'jobSourceOrder'>;

export const BETTER_PAY_FIRST = (): PreferenceSettings => DEFAULT_SETTINGS;

/** A job's source and its price; null for kudos, which have none. */
export interface RankedJob {
  readonly source: JobSource;
  readonly price: Price | null;
}

/**
 * Returns the rank of a job, from 0; a lower one comes first. If the better pay decides, jobs for kudos come after those of
 * people to whom the owner gives time for free.
 */
export function rankOf(
  { jobPreference, jobSourceOrder }: PreferenceSettings,
  { source, price }: RankedJob,
): number {
  if (jobPreference === 'own') return jobSourceOrder.indexOf(source);
  if (price === null) return 2;
  const { inputPerMillion, outputPerMillion } = price;
  return BigInt(inputPerMillion) + BigInt(outputPerMillion) > 0n ? 0 : 1;
}

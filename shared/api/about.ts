/** The API for what the page "About" shows: facts about this copy of Idlewatt, and the licenses of what it contains. */
import { oc } from '@orpc/contract';
import { z } from 'zod';

const nothing = z.object({});

/** In UTF-8. The licenses of an installed app are about a megabyte. */
export const LICENSES_BYTES_MAX = 4 * 1024 * 1024;

export const aboutSchema = z.object({
  /** SPDX identifier. */
  license: z.string(),
  /** Data folder, absolute. */
  home: z.string(),
  /** The file with the licenses of third parties; null in a checkout, which has each license in `node_modules`. */
  licensesFile: z.string().nullable(),
});
export type About = z.infer<typeof aboutSchema>;

export const aboutContract = {
  read: oc.input(nothing).output(aboutSchema),
  /** The text of that file. Fails with `not-found` where there is none, or where it is longer than expected. */
  licenses: oc.input(nothing).output(z.object({ text: z.string() })),
};

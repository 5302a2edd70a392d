/** Reads the package.json of this program, into which `npm run package` writes where the package's updates and archives are. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** In the folder that an upgrade replaces. */
export const PACKAGE_FILE = fileURLToPath(new URL('../../package.json', import.meta.url));

const packageSchema = z.object({
  /** Folder with the feed of updates. */
  updates: z.string().max(500).nullable().default(null),
  /** Addresses by the keys of pinned archives. */
  archives: z.record(z.string(), z.string().max(1_000)).default({}),
});
export type OwnPackage = z.infer<typeof packageSchema>;

/** Names nothing where the file names nothing, as in a checkout, or something invalid. */
export function readOwnPackage(file = PACKAGE_FILE): OwnPackage {
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return packageSchema.safeParse(read).data ?? { updates: null, archives: {} };
}

/** Facts that the desktop shell finds out about its system, for the pages. */
import { z } from 'zod';

export const AUTOSTART_OBSTACLES = [
  'checkout', // started from source: the system would start a bare Electron
  'sandboxed-package', // a snap or flatpak may not write the entries of the session
  'no-desktop', // the session has no desktop that starts programs at login
  'translocated', // macOS runs the app from a temporary place until it is moved
  'not-writable', // the entry could not be written
  'disabled-by-system', // the owner or a policy turned it off in the system's own settings
] as const;
export type AutostartObstacle = (typeof AUTOSTART_OBSTACLES)[number];

export const shellFactsSchema = z.object({
  /** Reason why Idlewatt can't start with the system; null where it can. */
  autostartObstacle: z.enum(AUTOSTART_OBSTACLES).nullable(),
  /** False where the owner enters the wallet's passphrase at each start, because no keychain stores it. */
  hasKeychain: z.boolean(),
  /** Address of the code, as the installed package names it; null for one that names none. */
  homepage: z
    .url({ protocol: /^https$/ })
    .max(500)
    .nullable(),
});
export type ShellFacts = z.infer<typeof shellFactsSchema>;

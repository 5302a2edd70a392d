/** The folder of the shell and of Chromium, which is never the one in which the agent keeps wallet and ledger. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** Files of the shell in its folder. All others there are Chromium's. */
export const OWN_FILES = {
  window: 'window.json',
  notices: 'seen-notices.json',
  walletSecret: 'wallet-secret',
} as const;

/**
 * Returns the folder for a data folder that the owner named (`home`), or for the default one; null where Electron's own
 * choice is apart from it. On macOS that choice is the data folder itself. A named data folder contains everything, so
 * the shell's folder is one of its subfolders; two of them are two apps, each with a single-instance lock.
 */
export function ownFolder(system: {
  readonly platform: NodeJS.Platform;
  readonly home: string | null;
  /** The system's folder for the data of apps. */
  readonly appData: string;
}): string | null {
  if (system.home !== null) return join(system.home, 'desktop');
  return system.platform === 'darwin' ? join(system.appData, 'Idlewatt Desktop') : null;
}

/** Moves the shell's files from where an earlier version had them, once. */
export function moveOwnFiles(from: string, to: string): void {
  for (const name of Object.values(OWN_FILES)) {
    const [old, own] = [join(from, name), join(to, name)];
    if (!existsSync(old) || existsSync(own)) continue;
    mkdirSync(to, { recursive: true });
    renameSync(old, own);
  }
}

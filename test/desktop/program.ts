/**
 * The program that desktop tests start: the repository's app in the Electron for tests, or the installed app that
 * IDLEWATT_INSTALLED_APP names, which `npm run test:package -- --desktop` sets.
 */
import { electronForTests } from '../../scripts/lib/electron-for-tests.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';

export interface AppProgram {
  readonly executable: string;
  /** In front of the app's own parameters. */
  readonly parameters: readonly string[];
}

/** An app in any other folder is started by the Electron for tests in either case. */
export async function appProgram(folder = REPOSITORY): Promise<AppProgram> {
  // Chromium's sandbox does not work for root, and tests in containers run as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const installed = folder === REPOSITORY ? process.env.IDLEWATT_INSTALLED_APP : undefined;
  if (installed !== undefined) return { executable: installed, parameters: sandbox };
  const executable = process.env.IDLEWATT_ELECTRON_FOR_TESTS ?? (await electronForTests(() => {})).executable;
  return { executable, parameters: [...sandbox, folder] };
}

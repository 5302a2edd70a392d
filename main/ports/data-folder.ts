/** The layout of the data folder, and its default place on each system. */
import { join, posix, resolve, win32 } from 'node:path';

/** Absolute paths. */
export interface HomePaths {
  readonly root: string;
  readonly database: string;
  /** Model files and unfinished downloads. */
  readonly models: string;
  /** State of the practice network's local chain. */
  readonly chain: string;
  /** Keystore and peer key. */
  readonly keys: string;
  /** Log files, one set per process: `agent.log`, `shell.log` and their older files. */
  readonly logs: string;
  /** Data folder of the practice network's requester, an agent with keys, database and logs of its own. */
  readonly requester: string;
}

/** Returns the layout below a root, which is made absolute. */
export function homePaths(root: string): HomePaths {
  const absolute = resolve(root);
  return {
    root: absolute,
    database: join(absolute, 'idlewatt.db'),
    models: join(absolute, 'models'),
    chain: join(absolute, 'chain'),
    keys: join(absolute, 'keys'),
    logs: join(absolute, 'logs'),
    requester: join(absolute, 'requester'),
  };
}

/** Returns the data folder for when `--home` isn't given: IDLEWATT_HOME, else the system's folder for data. */
export function defaultHome(system: {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userFolder: string;
}): string {
  const { platform, environment, userFolder } = system;
  if (environment.IDLEWATT_HOME) return environment.IDLEWATT_HOME;
  switch (platform) {
    case 'win32':
      // Local, not roaming: models are large and a wallet belongs to one machine.
      return win32.join(environment.LOCALAPPDATA || win32.join(userFolder, 'AppData', 'Local'), 'Idlewatt');
    case 'darwin':
      return posix.join(userFolder, 'Library', 'Application Support', 'Idlewatt');
    default: {
      const data = environment.XDG_DATA_HOME;
      // The XDG specification says to ignore relative paths.
      const base = data && posix.isAbsolute(data) ? data : posix.join(userFolder, '.local', 'share');
      return posix.join(base, 'idlewatt');
    }
  }
}

/** The layout of the data folder, and its default place on each system. */
import { join, posix, resolve, win32 } from 'node:path';
import type { SeparateNetwork } from '../../shared/network-choice.ts';

/** Name of the wallet's key file in the folder of keys. */
export const KEYSTORE_FILE = 'wallet.json';

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
  /** The wallet's encrypted key. */
  readonly keystore: string;
  /** Log files, one set per process: `agent.log`, `shell.log` and their older files. */
  readonly logs: string;
  /** Files and database of batches, with prompts and answers. */
  readonly batches: string;
  /** Answers to other people's batches, which this machine can't read. */
  readonly answers: string;
  /** Data folder of the practice network's requester, an agent with keys, database and logs of its own. */
  readonly requester: string;
}

/**
 * Returns the layout below a root, which is made absolute. A network that the owner chose in the app has a data
 * folder of its own there, so that its wallet and ledger never mix with those of practice; models and logs are shared.
 */
export function homePaths(root: string, network: SeparateNetwork | null = null): HomePaths {
  const absolute = resolve(root);
  if (network !== null) {
    const { models, logs } = homePaths(absolute);
    return { ...homePaths(join(absolute, 'networks', network)), models, logs };
  }
  return {
    root: absolute,
    database: join(absolute, 'idlewatt.db'),
    models: join(absolute, 'models'),
    chain: join(absolute, 'chain'),
    keys: join(absolute, 'keys'),
    keystore: join(absolute, 'keys', KEYSTORE_FILE),
    logs: join(absolute, 'logs'),
    batches: join(absolute, 'batches'),
    answers: join(absolute, 'kept-answers'),
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

/** The one folder that holds everything: its layout, its place on each system, and who may use it now. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix, resolve, win32 } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { AcquireLock } from '../../ports/lock.ts';

export { type BackupParts, type BackupResult, backUpHome, restoreHome } from './backup.ts';

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
  readonly logs: string;
  /** Home of the practice network's requester, an agent of its own. */
  readonly requester: string;
}

export interface OpenHome {
  readonly paths: HomePaths;
  /** Lets another agent use the folder. */
  close(): void;
}

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

/** Where the folder is unless `--home` says otherwise: IDLEWATT_HOME, else the system's place for data. */
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
      // The XDG specification has relative paths ignored.
      const base = data && posix.isAbsolute(data) ? data : posix.join(userFolder, '.local', 'share');
      return posix.join(base, 'idlewatt');
    }
  }
}

/**
 * Creates the folder (readable by its owner only) where it is missing, and takes it for this process.
 * Throws `home-not-writable`, or `home-in-use` while another agent has it.
 */
export function openHome(options: {
  readonly root: string;
  readonly acquireLock: AcquireLock;
  readonly pid: number;
}): OpenHome {
  const paths = homePaths(options.root);
  createFolders(paths);
  const pidFile = join(paths.root, 'agent.pid');
  const lock = options.acquireLock(join(paths.root, 'agent.lock'));
  if (lock === null) throw inUse(paths.root, readPid(pidFile));
  writeFileSync(pidFile, `${options.pid}\n`, { mode: 0o600 });
  return {
    paths,
    close() {
      rmSync(pidFile, { force: true });
      lock.release();
    },
  };
}

function createFolders(paths: HomePaths): void {
  try {
    for (const folder of [paths.root, paths.models, paths.chain, paths.keys, paths.logs]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    const probe = join(paths.root, '.writable');
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new AppError(
      'home-not-writable',
      `Idlewatt cannot write to its folder ${paths.root} (${code}). Make it writable for this user, or choose ` +
        'another one with --home.',
      { cause, details: { home: paths.root, reason: code } },
    );
  }
}

function inUse(root: string, pid: number | null): AppError {
  const holder = pid === null ? 'Another Idlewatt' : `Another Idlewatt (process ${pid})`;
  return new AppError(
    'home-in-use',
    `${holder} already runs on the folder ${root}. Close it first, or start this one with --home and another folder.`,
    { details: { home: root, pid } },
  );
}

/** Only for the message: the lock decides, not this file. */
function readPid(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

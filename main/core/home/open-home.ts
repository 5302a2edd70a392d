/** Opens the data folder for one agent at a time: creates what is missing and takes the lock. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { type HomePaths, homePaths } from '../../ports/data-folder.ts';
import type { AcquireLock } from '../../ports/lock.ts';

export interface OpenHome {
  readonly paths: HomePaths;
  /** Releases the folder for another agent. */
  close(): void;
}

/**
 * Creates the folder (readable by its owner only) if it is missing, and locks it for this process.
 * Throws `home-not-writable`, or `home-in-use` while another agent has locked it.
 */
export function openHome(options: {
  readonly root: string;
  readonly acquireLock: AcquireLock;
  readonly pid: number;
}): OpenHome {
  const paths = homePaths(options.root);
  assertShort(paths.root);
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

/** Longest path of a data folder in bytes: SQLite accepts 512 for the longest file below it. */
const ROOT_BYTES_MAX = 400;

function assertShort(root: string): void {
  const bytes = Buffer.byteLength(root);
  if (bytes <= ROOT_BYTES_MAX) return;
  throw new AppError(
    'home-not-writable',
    `The path of the data folder is too long (${bytes} bytes; the limit is ${ROOT_BYTES_MAX}). Choose another folder with ` +
      '--home DIR.',
    { details: { bytes, bytesMax: ROOT_BYTES_MAX } },
  );
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
      `Could not write to the data folder ${paths.root} (${code}). Make it writable for this user, or choose ` +
        'another one with --home DIR.',
      { cause, details: { home: paths.root, reason: code } },
    );
  }
}

function inUse(root: string, pid: number | null): AppError {
  const holder = pid === null ? 'Another Idlewatt' : `Another Idlewatt (process ${pid})`;
  return new AppError(
    'home-in-use',
    `${holder} is already using the data folder ${root}. Close it first, or choose another folder with --home DIR.`,
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

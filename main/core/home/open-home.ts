/** Opens the data folder for one agent at a time: creates what is missing and takes the lock. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { SeparateNetwork } from '../../../shared/network-choice.ts';
import { type HomePaths, homePaths } from '../../ports/data-folder.ts';
import type { AcquireLock } from '../../ports/lock.ts';
import { makeFilePrivate, makeFolderPrivate } from '../../ports/private-files.ts';
import { asStorageError, storageFaultOf } from '../../ports/storage.ts';

export interface OpenHome {
  readonly paths: HomePaths;
  /** Files and folders that other users could read until now. */
  readonly repaired: readonly string[];
  /** Releases the folder for another agent. */
  close(): void;
}

/**
 * Creates the folder (readable by its owner only) if it is missing, and locks it for this process.
 * Takes the rights of other users on the folder, its databases, keys and logs.
 * Throws `home-not-writable`, also for a folder of another user, `disk-full`, or `home-in-use` while another agent has
 * locked it.
 */
export function openHome(options: {
  readonly root: string;
  /** A network with a folder of its own inside the data folder. */
  readonly network?: SeparateNetwork | null;
  readonly acquireLock: AcquireLock;
  readonly pid: number;
}): OpenHome {
  const paths = homePaths(options.root, options.network);
  assertShort(paths.root);
  // One agent at a time, whatever its network: they share models and logs.
  const { root } = homePaths(options.root);
  const repaired: string[] = [];
  // First, so that nothing is created in a folder that others share.
  for (const folder of new Set([root, paths.root])) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) closeFolder(folder, repaired);
  }
  createFolders(paths);
  closeContents(paths, repaired);
  const pidFile = join(root, 'agent.pid');
  const lock = options.acquireLock(join(root, 'agent.lock'));
  if (lock === null) throw inUse(root, readPid(pidFile));
  try {
    writeFileSync(pidFile, `${options.pid}\n`, { mode: 0o600 });
  } catch (cause) {
    lock.release();
    throw asStorageError(cause);
  }
  return {
    paths,
    repaired,
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
    if (storageFaultOf(cause) === 'disk-full') throw asStorageError(cause);
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new AppError(
      'home-not-writable',
      `Could not write to the data folder ${paths.root} (${code}). Make it writable for this user, or choose ` +
        'another one with --home DIR.',
      { cause, details: { home: paths.root, reason: code } },
    );
  }
}

/** Closes a folder to other users; adds it to `repaired` if it was open to them. */
function closeFolder(folder: string, repaired: string[]): void {
  const privacy = makeFolderPrivate(folder);
  if (privacy === 'foreign') throw foreign(folder);
  if (privacy === 'repaired') repaired.push(folder);
}

/** Models are public files, so only their folder is closed. */
function closeContents(paths: HomePaths, repaired: string[]): void {
  for (const folder of [paths.keys, paths.chain, paths.logs, paths.models]) closeFolder(folder, repaired);
  for (const folder of [paths.root, paths.keys, paths.chain, paths.logs]) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isFile() && makeFilePrivate(path) === 'repaired') repaired.push(path);
    }
  }
}

function foreign(folder: string): AppError {
  return new AppError(
    'home-not-writable',
    `The folder ${folder} belongs to another user or is shared by all users, who could read the wallet’s keys. ` +
      'Choose another one with --home DIR.',
    { details: { home: folder, reason: 'foreign' } },
  );
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

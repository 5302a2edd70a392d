/**
 * Restores the backup that the owner chose, before the agent opens anything: the whole backup replaces the state on this
 * machine, which is set aside, or nothing changes. Ended at any moment, the next start finishes or repeats it.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RestoreResult } from '../../../shared/api/maintenance.ts';
import { AppError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../ports/data-folder.ts';
import type { AcquireLock } from '../../ports/lock.ts';
import { asStorageError } from '../../ports/storage.ts';
import { damagedBackup } from './damaged-backup.ts';
import { unpackChecked } from './restore.ts';
import {
  type RestoreRequest,
  readRequest,
  removeRequest,
  syncFolder,
  writeRequest,
  writeRestoreResult,
} from './restore-request.ts';

/** A backup whose restore ended the process this often is given up. */
const ATTEMPTS_MAX = 3;
const STAGING = 'restoring';
/** Names of what belongs to a backup. Everything else in the data folder stays: models, logs, other networks, backups. */
const RESTORED = /^(idlewatt\.db.*|rates\.json|keys|chain)$/;
/** The practice requester's state goes with its provider's. */
const PLACES = ['', 'requester'] as const;

export interface RestoreAtStartParts {
  readonly acquireLock: AcquireLock;
  /** Throws for a database that can't be used. */
  readonly check: (database: string) => void;
  readonly now: () => number;
  /** Called if a restore was requested. */
  readonly onBegin?: () => void;
}

/**
 * Returns how it ended, or null if no restore was requested. Call with the data folder's lock. Fails only if the state
 * could not be replaced as a whole: the next start then continues.
 */
export async function restoreAtStart(
  paths: HomePaths,
  parts: RestoreAtStartParts,
): Promise<RestoreResult | null> {
  const { root } = paths;
  let request = readRequest(root);
  if (request === null) {
    rmSync(join(root, STAGING), { recursive: true, force: true });
    return null;
  }
  parts.onBegin?.();
  if (request === 'unreadable') {
    return fail(root, '', new AppError('bad-request', 'The request to restore is damaged.'), parts.now());
  }
  if (request.phase === 'requested') {
    const failure = await stage(root, request, parts);
    if (failure !== null) return fail(root, request.file, failure, parts.now());
    request = { ...request, phase: 'setting-aside' };
    writeRequest(root, request);
  }
  const lock = lockRequester(paths, parts.acquireLock);
  try {
    replace(root, request);
  } finally {
    lock?.release();
  }
  const aside = join(root, request.aside);
  const result = { outcome: 'restored', atMs: parts.now(), file: request.file, aside } as const;
  writeRestoreResult(root, result);
  removeRequest(root);
  rmSync(join(root, STAGING), { recursive: true, force: true });
  return result;
}

/** Unpacks and checks the backup next to the old state. Returns why it can't be restored; null if it can. */
async function stage(
  root: string,
  request: RestoreRequest,
  { check }: RestoreAtStartParts,
): Promise<AppError | null> {
  if (request.attempts >= ATTEMPTS_MAX) {
    return new AppError('unsupported', `Restoring ended Idlewatt ${ATTEMPTS_MAX} times.`);
  }
  writeRequest(root, { ...request, attempts: request.attempts + 1 });
  const staging = join(root, STAGING);
  rmSync(staging, { recursive: true, force: true });
  try {
    const { checksum } = await unpackChecked(request.file, staging, check);
    if (checksum !== request.checksum) throw damagedBackup();
    for (const folder of foldersOf(staging)) syncFolder(folder);
    return null;
  } catch (cause) {
    const error = asStorageError(cause);
    if (error instanceof AppError) return error;
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    return new AppError('unsupported', `The backup can’t be read (${String(error.code)}).`, { cause });
  }
}

function fail(root: string, file: string, error: AppError, atMs: number): RestoreResult {
  rmSync(join(root, STAGING), { recursive: true, force: true });
  const result = { outcome: 'failed', atMs, file, message: error.message } as const;
  writeRestoreResult(root, result);
  removeRequest(root);
  return result;
}

/** A requester whose provider was killed may still run for a moment. */
function lockRequester({ requester }: HomePaths, acquireLock: AcquireLock) {
  if (!existsSync(requester)) return null;
  const lock = acquireLock(join(requester, 'agent.lock'));
  if (lock === null) {
    throw new AppError(
      'home-in-use',
      'The practice buyer of the last run hasn’t ended yet. Nothing was restored. Start Idlewatt again in a moment.',
    );
  }
  return lock;
}

/** Each step can be repeated: what was moved already isn't there any more. */
function replace(root: string, request: RestoreRequest): void {
  const staging = join(root, STAGING);
  const aside = join(root, request.aside);
  if (request.phase === 'setting-aside') {
    move(root, aside);
    writeRequest(root, { ...request, phase: 'placing' });
  }
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  if (existsSync(staging)) move(staging, root);
  for (const place of PLACES) {
    if (!existsSync(join(root, place))) continue;
    for (const folder of ['keys', 'chain']) {
      mkdirSync(join(root, place, folder), { recursive: true, mode: 0o700 });
    }
  }
}

/** Moves everything that belongs to a backup from one folder to the other, and writes the change to the disk. */
function move(from: string, to: string): void {
  for (const place of PLACES) {
    const source = join(from, place);
    const names = existsSync(source) ? readdirSync(source).filter((name) => RESTORED.test(name)) : [];
    if (names.length === 0) continue;
    const target = join(to, place);
    mkdirSync(target, { recursive: true, mode: 0o700 });
    for (const name of names) moveOne(join(source, name), join(target, name));
    syncFolder(target);
    syncFolder(source);
  }
  syncFolder(to);
}

/** A start creates the folders that it misses, also in the middle of a restore: empty ones don't count. */
function moveOne(source: string, target: string): void {
  if (existsSync(target)) {
    if (isEmptyFolder(source)) {
      rmdirSync(source);
      return;
    }
    if (isEmptyFolder(target)) rmdirSync(target);
  }
  renameSync(source, target);
}

function isEmptyFolder(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0;
}

function foldersOf(root: string): readonly string[] {
  const below = readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return [root, ...below];
}

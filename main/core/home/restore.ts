/** Restores a data folder from a backup: completely, into an empty place, or not at all. */
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../../shared/errors.ts';
import { homePaths } from '../../ports/data-folder.ts';
import { readArchive } from './archive.ts';
import { damagedBackup } from './damaged-backup.ts';
import { type CheckedManifest, checkManifest, MANIFEST, MANIFEST_BYTES_MAX } from './manifest.ts';

/** Every path that a backup may contain; any other is rejected, so that no archive can write elsewhere. */
const ALLOWED =
  /^(requester\/)?(idlewatt\.db|rates\.json|keys\/[A-Za-z0-9][\w.-]{0,60}|chain\/[A-Za-z0-9][\w.-]{0,60})$/;

/**
 * Restores a backup and returns the names of its files. Fails with `not-found` if there is no backup, `bad-request`
 * if the folder isn't empty, `checksum-mismatch` if the file is damaged, and with what `check` throws for a database.
 */
export async function restoreHome(
  from: string,
  root: string,
  check: (database: string) => void,
): Promise<readonly string[]> {
  const { root: home } = homePaths(root);
  if (existsSync(home) && readdirSync(home).length > 0) {
    throw new AppError(
      'bad-request',
      `${home} is not empty. Nothing was restored. Choose another folder with --home DIR, or move this one away.`,
    );
  }
  if (!existsSync(from)) throw new AppError('not-found', `Backup ${from} not found.`);
  mkdirSync(dirname(home), { recursive: true });
  const unfinished = `${home}.restoring`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    const { files } = await unpackChecked(from, unfinished, check);
    if (existsSync(home)) rmdirSync(home);
    renameSync(unfinished, home);
    return files;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

export interface UnpackedBackup extends CheckedManifest {
  /** Names of its files. */
  readonly files: readonly string[];
}

/**
 * Unpacks a backup into a new folder and checks every byte and each database. Fails with `not-found`,
 * `checksum-mismatch`, and with what `check` throws for a database; the folder may then contain a part of the files.
 */
export async function unpackChecked(
  from: string,
  folder: string,
  check: (database: string) => void,
): Promise<UnpackedBackup> {
  if (!existsSync(from)) throw new AppError('not-found', `Backup ${from} not found.`);
  const unpacked = await unpack(from, folder);
  for (const path of [folder, homePaths(folder).requester]) {
    const { database } = homePaths(path);
    if (existsSync(database)) check(database);
  }
  return unpacked;
}

async function unpack(from: string, folder: string): Promise<UnpackedBackup> {
  let manifest = '';
  const found = await readArchive(from, async (name, content) => {
    if (name === MANIFEST) {
      manifest = await readManifest(content);
      return;
    }
    if (!ALLOWED.test(name)) throw damagedBackup();
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
  });
  const files = found.map(({ name }) => name).filter((name) => name !== MANIFEST);
  return { ...checkManifest(manifest, found), files };
}

async function readManifest(content: Readable): Promise<string> {
  let manifest = '';
  for await (const piece of content) {
    manifest += String(piece);
    if (manifest.length > MANIFEST_BYTES_MAX) throw damagedBackup();
  }
  return manifest;
}

/** Downloads a file into a folder that holds at most this one, and returns it only if it is the pinned one. */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PinnedFile } from '../../ports/updates.ts';
import { downloadHttps, type OpenPartFile, partBytes } from '../models/index.ts';

/** Room that a download leaves free, in bytes: below 64 MiB, Idlewatt pauses. */
export const ROOM_BYTES = 128 * 1024 * 1024;

export interface PinnedDownload {
  /** Folder for downloaded files, absolute. Nothing else is in it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly openPart: OpenPartFile;
  /** Bytes that are free on the disk of a folder. */
  readonly freeBytes: (folder: string) => Promise<number>;
}

/** A pinned file under the name that it gets in the folder. */
export interface NamedPin extends PinnedFile {
  readonly name: string;
}

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * Resolves with the path of the verified file; resumes what an earlier run left. Rejects with `disk-full`,
 * `checksum-mismatch` (nothing is left of the file), an abort, or an Error whose message is why the source failed.
 */
export async function downloadPinned(
  { folder, clock, fetch, openPart, freeBytes }: PinnedDownload,
  url: string,
  file: NamedPin,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (receivedBytes: number) => void },
): Promise<string> {
  const path = join(folder, file.name);
  const part = `${path}.part`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    if (![path, part].includes(join(folder, name))) await rm(join(folder, name), { recursive: true });
  }
  if (await isPinned(path, file, signal)) return path;
  await rm(path, { force: true });
  if ((await freeBytes(folder)) < file.bytes - partBytes(part) + ROOM_BYTES) {
    throw new AppError(
      'disk-full',
      'There isn’t enough free disk space for the download. Free some and retry.',
    );
  }
  const resumed = partBytes(part) > 0;
  for (let attempt = 0; attempt < (resumed ? 2 : 1); attempt += 1) {
    await downloadHttps(
      { url },
      { path: part, sizeBytes: file.bytes, clock, fetch, openPart, signal, onBytes },
    );
    if (await isPinned(part, file, signal)) {
      await rename(part, path);
      return path;
    }
    await rm(part, { force: true });
  }
  throw new AppError('checksum-mismatch', `${file.name} isn’t the file that was released. It was deleted.`);
}

async function isPinned(path: string, { bytes, sha512 }: PinnedFile, signal: AbortSignal): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false })?.size !== bytes) return false;
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(path)) {
    signal.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex') === sha512;
}

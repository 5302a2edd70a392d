/**
 * Verifies that a file on disk is the expected one, without reading gigabytes at each start: a stamp file next to it
 * holds the size, modification time and sha256 of the last full read.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const stampSchema = z.object({
  sizeBytes: z.number().int().nonnegative(),
  modifiedAtMs: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Expected size and checksum; null where unknown. */
export interface Expected {
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

const READ_BYTES = 1024 * 1024;

export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** Returns the sha256 of the last full read, even if the file changed since; null if there was none. */
export function pinnedHash(path: string): string | null {
  return readStamp(path)?.sha256 ?? null;
}

/** Returns the sha256 from the stamp; null if there is no stamp or the file changed since. */
export function stampedHash(path: string): string | null {
  const stamp = readStamp(path);
  const file = statSync(path, { throwIfNoEntry: false });
  if (!stamp || !file) return null;
  return stamp.sizeBytes === file.size && stamp.modifiedAtMs === file.mtimeMs ? stamp.sha256 : null;
}

function readStamp(path: string): z.infer<typeof stampSchema> | null {
  try {
    return stampSchema.parse(JSON.parse(readFileSync(stampPath(path), 'utf8')));
  } catch {
    // The stamp is missing or unreadable: the file is read in full instead.
    return null;
  }
}

/** Writes the stamp; `sha256` must just have been computed from the file. */
export async function stampFile(path: string, sha256: string): Promise<void> {
  const { size, mtimeMs } = statSync(path);
  await writeFile(stampPath(path), JSON.stringify({ sizeBytes: size, modifiedAtMs: mtimeMs, sha256 }));
}

/** Returns the file's sha256 if it is as expected; null if the file is missing, incomplete or altered. */
export async function checkFile(
  path: string,
  expected: Expected,
  options: { readonly trustStamp: boolean; readonly signal?: AbortSignal | undefined },
): Promise<string | null> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || (expected.sizeBytes !== null && size !== expected.sizeBytes)) return null;
  const stamped = options.trustStamp ? stampedHash(path) : null;
  const sha256 = stamped ?? (await hashFile(path, options.signal));
  return expected.sha256 === null || sha256 === expected.sha256 ? sha256 : null;
}

/** Renames a bad file so that it is never loaded but can still be inspected. */
export async function quarantine(path: string): Promise<void> {
  await rm(stampPath(path), { force: true });
  await rename(path, quarantinePath(path));
}

export function quarantinePath(path: string): string {
  return `${path}.quarantine`;
}

export function stampPath(path: string): string {
  return `${path}.verified.json`;
}

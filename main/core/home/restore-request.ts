/**
 * The request to restore a backup at the agent's next start, and how the latest one ended: two files in the data folder.
 * The request is also the record of how far that restore has come, so that one that was interrupted is finished.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type RestoreResult, restoreResultSchema } from '../../../shared/api/maintenance.ts';
import { asStorageError } from '../../ports/storage.ts';

const REQUEST = 'restore-request.json';
const RESULT = 'restore-result.json';

const requestSchema = z.object({
  format: z.literal('idlewatt-restore-1'),
  /** Absolute path of the backup. */
  file: z.string(),
  /** The checksum of the backup that the owner agreed to. */
  checksum: z.string(),
  requestedAtMs: z.number(),
  /** Starts that have tried to unpack it. */
  attempts: z.number().int().nonnegative(),
  /** `requested`: nothing was replaced yet. Then all of the old state is set aside, then the new one put in its place. */
  phase: z.enum(['requested', 'setting-aside', 'placing']),
  /** Name of the folder for the old state. */
  aside: z.string().regex(/^before-restore-[\d-]+$/),
});
export type RestoreRequest = z.infer<typeof requestSchema>;

/** Asks the next start to restore a backup. Fails with `disk-full` or `disk-unwritable`. */
export function requestRestore(
  root: string,
  { file, checksum }: { readonly file: string; readonly checksum: string },
  nowMs: number,
): void {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  writeRequest(root, {
    ...{
      format: 'idlewatt-restore-1',
      file,
      checksum,
      requestedAtMs: nowMs,
      attempts: 0,
      phase: 'requested',
    },
    aside: `before-restore-${stamp}`,
  });
}

/** Null where none is requested; `unreadable` for a file that isn't a request. */
export function readRequest(root: string): RestoreRequest | 'unreadable' | null {
  const path = join(root, REQUEST);
  if (!existsSync(path)) return null;
  try {
    return requestSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof z.ZodError) return 'unreadable';
    throw cause;
  }
}

export function writeRequest(root: string, request: RestoreRequest): void {
  writeDurably(root, REQUEST, request);
}

export function removeRequest(root: string): void {
  rmSync(join(root, REQUEST), { force: true });
  syncFolder(root);
}

/** Null where nothing was ever restored. */
export function readRestoreResult(root: string): RestoreResult | null {
  try {
    return restoreResultSchema.parse(JSON.parse(readFileSync(join(root, RESULT), 'utf8')));
  } catch {
    return null; // none, or damaged: it only informs
  }
}

export function writeRestoreResult(root: string, result: RestoreResult): void {
  writeDurably(root, RESULT, result);
}

/** Replaces the file atomically; it is on the disk afterwards. */
function writeDurably(root: string, name: string, content: unknown): void {
  const unfinished = join(root, `${name}.new`);
  try {
    const file = openSync(unfinished, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify(content)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, join(root, name));
    syncFolder(root);
  } catch (cause) {
    throw asStorageError(cause);
  }
}

/** Writes the names in a folder to the disk; Windows does so without being asked. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

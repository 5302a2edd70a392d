/** Files that commands write for their owner: never over an existing one, and readable by the owner alone. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { AppError } from '../../shared/errors.ts';

const OWNER_ONLY = 0o600;

/** Creates a file and returns its descriptor. Fails with `bad-request` if the path exists or isn't writable. */
export function createNew(path: string): number {
  try {
    return openSync(path, 'wx', OWNER_ONLY);
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new AppError(
      'bad-request',
      exists ? `${path} already exists. Choose another file with --out.` : `Could not write ${path}.`,
      { cause, details: { path } },
    );
  }
}

export function writeNew(path: string, content: string | Uint8Array): void {
  const file = createNew(path);
  try {
    writeWhole(file, Buffer.from(content));
  } finally {
    closeSync(file);
  }
}

/** Pause before the next attempt at a pipe that is full. */
const FULL_PIPE_MS = 5;

/** Writes all bytes: one call may write only a part of them to a pipe, or nothing while its reader is behind. */
export function writeWhole(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(file, bytes, written);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
}

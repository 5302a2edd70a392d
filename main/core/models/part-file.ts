/** Unfinished download on disk: received data stays there when the download ends for any reason. */
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';

export interface PartFile {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens the file for appending, or empties it first. Injected, so that tests can simulate a full disk. */
export type OpenPartFile = (path: string, mode: 'append' | 'truncate') => Promise<PartFile>;

export const openPartFile: OpenPartFile = async (path, mode) => {
  const file = await open(path, mode === 'append' ? 'a' : 'w');
  return {
    async write(chunk) {
      let offset = 0;
      while (offset < chunk.length) offset += (await file.write(chunk, offset)).bytesWritten;
    },
    close: () => file.close(),
  };
};

export function partBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Converts a full disk into `disk-full`; returns any other error unchanged. */
export function asDiskFull(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new AppError(
    'disk-full',
    'The disk is full. The part downloaded so far is kept. Free some space and retry.',
    { cause: error },
  );
}

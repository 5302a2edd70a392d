/** The file that a download grows: what was received stays there when the download ends for any reason. */
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';

export interface PartFile {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens for appending, or empties first; tests put a full disk in its place. */
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

/** A full disk becomes `disk-full`; anything else stays as it is. */
export function asDiskFull(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new AppError('disk-full', 'The disk is full; what was downloaded so far is kept.', { cause: error });
}

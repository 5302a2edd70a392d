/** Unpacks the archives in which npm publishes packages. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import type { UnpackTar } from '../../ports/archive.ts';

/** See {@link UnpackTar}. */
export const unpackTar: UnpackTar = async (archive, folder, signal) => {
  const unpacking = extract({
    cwd: folder,
    strip: 1,
    strict: true,
    preserveOwner: false,
    filter: (_path, entry) => 'type' in entry && entry.type === 'File',
  });
  await pipeline(createReadStream(archive), unpacking as unknown as NodeJS.WritableStream, { signal });
};

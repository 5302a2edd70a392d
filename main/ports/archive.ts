/** Port for unpacking archives. */

/**
 * Unpacks the regular files of a `.tar.gz` into an existing empty folder, without the first part of their paths, which npm
 * calls `package`. Rejects with the system's error, with an error about a damaged archive, or with an abort.
 */
export type UnpackTar = (archive: string, folder: string, signal: AbortSignal) => Promise<void>;

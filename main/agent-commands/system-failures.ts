/** Failures of files and pipes that are circumstances of the machine or of the command line, not bugs. */

/** Codes that the operating system returns for a path or file that a user named; any other code is a bug. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'it is in use',
  EDQUOT: 'the disk quota is exceeded',
  EEXIST: 'it already exists',
  EFBIG: 'the file is too large',
  EIO: 'the disk reported an error',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the path is too long',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'the operation is not permitted',
  EROFS: 'the disk is read-only',
};

/** Length up to which a path is quoted in a message. */
const SHOWN_MAX = 120;

/** Returns one sentence for an expected failure of the file system; null for any other error. */
export function systemFailure(error: unknown): string | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return null;
  const reason = REASONS[String(error.code)];
  if (reason === undefined) return null;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : null;
  return `Could not access ${path === null ? 'a file' : shortened(path)}: ${reason} (${String(error.code)}).`;
}

/** Returns whether the reader of the output has closed it, e.g. `head` after its ten lines. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

function shortened(path: string): string {
  return path.length <= SHOWN_MAX ? path : `${path.slice(0, SHOWN_MAX)}…`;
}

/**
 * Keeps files and folders private to their owner. A copied or restored data folder, or one that an administrator made,
 * may be open to other users of the machine. Windows has access lists instead of modes: nothing is changed there.
 */
import { chmodSync, lstatSync, statSync } from 'node:fs';

const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/** `foreign`: it belongs to another user, or all users share it, so it must not be used. */
export type Privacy = 'private' | 'repaired' | 'foreign';

/** Takes all rights on a folder from other users. Throws the file system's error if it is missing. */
export function makeFolderPrivate(path: string): Privacy {
  if (process.platform === 'win32') return 'private';
  const { uid, mode } = statSync(path);
  // A folder like /tmp, which others use as well.
  if (!isOwn(uid) || (mode & STICKY) !== 0) return 'foreign';
  return repair(path, mode);
}

/**
 * The same for a file. A file of another user, for example of the system's administrator, stays usable if that user
 * alone can change it and everyone else's read access was taken away already. Links are not followed.
 */
export function makeFilePrivate(path: string): Privacy {
  if (process.platform === 'win32') return 'private';
  const stats = lstatSync(path);
  // A pipe or a terminal is passed on, not stored.
  if (!statSync(path).isFile()) return 'private';
  if (stats.isSymbolicLink()) return fileOfOther(statSync(path).mode);
  return isOwn(stats.uid) ? repair(path, stats.mode) : fileOfOther(stats.mode);
}

function fileOfOther(mode: number): Privacy {
  // Its group may read it: that is how an administrator hands a secret to a service.
  return (mode & (OTHERS_MAY_WRITE | 0o007)) === 0 ? 'private' : 'foreign';
}

function repair(path: string, mode: number): Privacy {
  if ((mode & OTHERS) === 0) return 'private';
  try {
    chmodSync(path, mode & 0o700);
    return 'repaired';
  } catch {
    return 'foreign'; // on a read-only or foreign file system
  }
}

/** The superuser owns everything: it can repair what belongs to others. */
function isOwn(uid: number): boolean {
  const own = process.getuid?.() ?? uid;
  return own === 0 || uid === own;
}

/** Keeps the process's memory, which holds the wallet's keys, out of core files and away from other programs. */
import { loadNative } from '../../../native/index.ts';

/** Returns whether that is certain; false without the native part. */
export function preventDumps(): boolean {
  return loadNative().preventDumps();
}

/** Port for a file lock that the operating system releases when its holder ends for any reason. */

export interface HeldLock {
  release(): void;
}

/** Returns the lock on this file, or null while another process (or another holder in this one) has it. */
export type AcquireLock = (path: string) => HeldLock | null;

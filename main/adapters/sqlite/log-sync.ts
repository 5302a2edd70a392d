/**
 * Forces SQLite's write-ahead log to disk. SQLite itself only writes it (`synchronous = NORMAL`): flushed from here,
 * one wait in another thread covers every transaction before it, and the agent serves meanwhile.
 */
import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface LogSync {
  /** Returns when everything committed so far would survive a power cut. */
  now(): void;
  /** The same in another thread. */
  later(): Promise<void>;
  close(): void;
}

/** A database in memory survives nothing. */
export const NO_LOG: LogSync = { now: () => undefined, later: async () => undefined, close: () => undefined };

const flushLater = promisify(fdatasync);

/** `path` is the database's; its log exists after the first write. */
export function createLogSync(path: string): LogSync {
  let log: number | null = null;
  const open = (): number => {
    if (log !== null) return log;
    log = openSync(`${path}-wal`, 'r+');
    flushFolder(dirname(path));
    return log;
  };
  return {
    now: () => fdatasyncSync(open()),
    later: async () => flushLater(open()),
    close() {
      if (log !== null) closeSync(log);
      log = null;
    },
  };
}

/** The log's name in the folder must survive, too. Windows has no such call and needs none. */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const opened = openSync(folder, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

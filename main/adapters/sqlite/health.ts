/**
 * Watches the disk and the database file while they are in use: room, failed writes, and whether the file and its
 * write-ahead log are still the ones that were opened. Keeps the mark next to the database current.
 */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import type { StorageFault } from '../../../shared/presence.ts';
import { type StorageHealth, storageError, storageFaultOf } from '../../ports/storage.ts';
import type { RecordStore } from '../../ports/store.ts';
import { copyDatabase } from './copy.ts';
import { openHandles, translating, type WriteGuard } from './handles.ts';
import {
  currentMark,
  isSameMark,
  type LedgerMark,
  markPath,
  REVISION,
  rescuePath,
  writeMark,
} from './ledger-mark.ts';
import { openRecordStore } from './record-store.ts';

/** Room on the disk below which nothing is begun, so that what runs can still be recorded, and above which it resumes. */
export const DISK_ROOM_BYTES = { pauseBelow: 32 * 1024 * 1024, resumeAbove: 64 * 1024 * 1024 } as const;

/** Room below which a failed write means a full disk. */
const FULL_BYTES = 1024 * 1024;

/** Interval at which groups of jobs move the mark, which may stay behind the ledger. */
const MARK_EVERY_MS = 1_000;

/** Record that is changed to see whether the disk takes a write. */
const PROBE = { collection: 'storage', key: 'probe' } as const;

export interface HealthOptions {
  readonly path: string;
  readonly database: Database;
  /** Free bytes for this process at a folder; the file system's answer unless a test replaces it. */
  readonly freeBytes?: ((folder: string) => number) | undefined;
}

export interface DatabaseHealth extends StorageHealth, WriteGuard {
  /** The file was found to be damaged while it is in use. */
  damaged(): void;
  /** Sets what commits the writes that are still open: the mark must not be ahead of the disk. */
  commitWith(commit: () => void): void;
  /** Forces the mark to disk. */
  flushMark(): void;
  /** The same for the last time, unless the file isn't there any more; call it before the database is closed. */
  close(): void;
}

export function watchDatabase(options: HealthOptions): DatabaseHealth {
  return new Health(options);
}

class Health implements DatabaseHealth {
  readonly #path: string;
  readonly #database: Database;
  readonly #freeBytes: (folder: string) => number;
  readonly #file: FileIdentity | null;
  readonly #listeners = new Set<(fault: StorageFault | null) => void>();
  /** Null until the log exists. */
  #log: FileIdentity | null = null;
  #fault: StorageFault | null = null;
  #isRescued = false;
  #head: Statement | null = null;
  /** Sequence number of the newest entry at the last commit; null when it is unknown. */
  #committedHead: unknown = null;
  /** On the same connection, as a part of the open transaction. */
  readonly #records: RecordStore;
  #marked: LedgerMark | null = null;
  #isMarkFlushed = false;
  #markedAtMs = Number.NEGATIVE_INFINITY;
  #commitOpen: () => void = () => undefined;

  constructor({ path, database, freeBytes = freeBytesAt }: HealthOptions) {
    this.#path = path;
    this.#database = database;
    this.#freeBytes = freeBytes;
    this.#file = identityOf(path);
    this.#log = identityOf(`${path}-wal`);
    this.#records = openRecordStore(openHandles(database).writer);
  }

  commitWith(commit: () => void): void {
    this.#commitOpen = commit;
  }

  fault(): StorageFault | null {
    return this.#fault;
  }

  onChange(listener: (fault: StorageFault | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(error: unknown): boolean {
    const fault = storageFaultOf(this.#precise(error));
    if (fault !== null) this.#set(fault);
    return fault !== null;
  }

  damaged(): void {
    this.#set('database-damaged');
  }

  check(): void {
    // Only a restart with another file ends this one.
    if (this.#fault === 'database-damaged') return;
    if (!this.#isInPlace()) {
      this.#lose();
      return;
    }
    if (isReadOnly(this.#path)) {
      this.#set('disk-unwritable');
      return;
    }
    const room = this.#freeBytes(dirname(this.#path));
    if (room < (this.#fault === 'disk-full' ? DISK_ROOM_BYTES.resumeAbove : DISK_ROOM_BYTES.pauseBelow)) {
      this.#set('disk-full');
      return;
    }
    if (this.#fault !== null && !this.#canWrite()) return;
    this.#set(null);
    this.flushMark();
  }

  beforeWrite(): void {
    if (this.#isInPlace()) return;
    this.#lose();
    throw storageError('database-lost', { details: { path: this.#path } });
  }

  beforeCommit(): void {
    const head = this.#headSequence();
    // The sequence number shows that a commit with entries is there; the others are counted.
    if (head === this.#committedHead || this.#committedHead === null) {
      const { collection, key } = REVISION;
      const revision = Number(this.#records.get(collection, key) ?? 0);
      this.#records.set(collection, key, String(revision + 1));
    }
    this.#committedHead = head;
  }

  failed(error: unknown): void {
    this.#committedHead = null;
    this.note(error);
  }

  committed(): void {
    this.#mark(() => !isSameMark(currentMark(this.#database), this.#marked), false);
  }

  markCommitted(): () => void {
    const isDue = performance.now() - this.#markedAtMs >= MARK_EVERY_MS;
    if (!isDue) return () => undefined;
    const mark = currentMark(this.#database);
    if (isSameMark(mark, this.#marked)) return () => undefined;
    return () => this.#write(mark, false);
  }

  flushMark(): void {
    try {
      this.#commitOpen();
    } catch (error) {
      // Noted by the commit; nothing new is on disk.
      if (!this.note(error)) throw error;
      return;
    }
    this.#mark(() => {
      const isMarked = isSameMark(currentMark(this.#database), this.#marked);
      return !isMarked || !this.#isMarkFlushed || !existsSync(markPath(this.#path));
    }, true);
  }

  close(): void {
    if (this.#isInPlace()) this.flushMark();
  }

  /**
   * Writes the mark if it is due. Never throws: what it is about has been committed, and a mark that stays behind the
   * ledger is safe.
   */
  #mark(isDue: () => boolean, flush: boolean): void {
    try {
      if (isDue()) this.#write(currentMark(this.#database), flush);
    } catch (error) {
      this.note(error);
    }
  }

  #write(mark: LedgerMark, flush: boolean): void {
    try {
      writeMark(this.#path, mark, flush);
      this.#marked = mark;
      this.#isMarkFlushed = flush;
      this.#markedAtMs = performance.now();
    } catch (error) {
      this.note(error);
    }
  }

  #headSequence(): unknown {
    this.#head ??= this.#database.prepare('SELECT sequence FROM ledger_head').pluck();
    return this.#head.get() ?? 0;
  }

  #precise(error: unknown): unknown {
    return fullIfSo(error, this.#path, this.#freeBytes);
  }

  /** Changes a row: SQLite writes nothing for a row that stays the same. */
  #canWrite(): boolean {
    // Only a commit shows whether the disk takes a write.
    if (this.#database.inTransaction) return false;
    try {
      translating(() => {
        this.#records.update(PROBE.collection, PROBE.key, (current) => (current === '1' ? '0' : '1'));
      });
      return true;
    } catch (error) {
      if (!this.note(error)) throw error;
      return false;
    }
  }

  #isInPlace(): boolean {
    if (!isSame(this.#file, identityOf(this.#path))) return false;
    const log = identityOf(`${this.#path}-wal`);
    this.#log ??= log;
    return this.#log === null || isSame(this.#log, log);
  }

  /**
   * Saves what only this process still has, as long as it has the files open: a lost log is copied into the database,
   * a lost database into a new file next to it.
   */
  #lose(): void {
    this.#set('database-lost');
    if (this.#isRescued || this.#database.inTransaction) return;
    this.#isRescued = true;
    try {
      if (isSame(this.#file, identityOf(this.#path))) this.#database.pragma('wal_checkpoint(TRUNCATE)');
      else copyDatabase(this.#database, rescuePath(this.#path));
    } catch {
      // Nothing else can be saved: the disk or the folder is gone as well.
    }
  }

  #set(fault: StorageFault | null): void {
    // A lost or damaged file is the cause of what follows.
    if (this.#fault === 'database-damaged' || fault === this.#fault) return;
    this.#fault = fault;
    for (const listener of [...this.#listeners]) listener(fault);
  }
}

/** SQLite reports some writes that don't fit as failures of the disk; the free room tells them apart. */
export function fullIfSo(error: unknown, path: string, freeBytes = freeBytesAt): unknown {
  const isFull = storageFaultOf(error) === 'disk-unwritable' && freeBytes(dirname(path)) < FULL_BYTES;
  return isFull ? storageError('disk-full', { cause: error }) : error;
}

interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Returns null for a file that isn't there. */
function identityOf(path: string): FileIdentity | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

function isSame(left: FileIdentity | null, right: FileIdentity | null): boolean {
  return left !== null && right !== null && left.dev === right.dev && left.ino === right.ino;
}

/** True on a file system that became read-only, which would otherwise show only at the next write. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return storageFaultOf(error) !== null;
  }
}

function freeBytesAt(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

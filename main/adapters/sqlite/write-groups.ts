/**
 * Runs all writes of one connection. A write is on disk when its call returns, unless it is deferred: deferred writes
 * run immediately and share a transaction, which is committed after a few milliseconds, or with the next write that isn't
 * deferred.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Durability } from '../../ports/store.ts';
import type { WriteGuard } from './handles.ts';
import type { LogSync } from './log-sync.ts';

/** Time between two commits of groups. A single write doesn't wait for it; many writes share it. */
export const GROUP_MS = 25;
/**
 * On a machine that is slow or busy, fewer jobs share a group, and each writes more. There, a group waits for this many,
 * at most for this long, which is little of what such a job takes.
 */
const GROUP_JOBS = 5;
const GROUP_MS_MAX = 80;

export interface WriteGroups extends Durability {
  /** Runs one statement or, with `isAtomic`, several as a transaction; nested calls are savepoints. */
  write<T>(run: () => T, isAtomic: boolean): T;
  /** Number of transactions and savepoints that were undone. */
  rollbacks(): number;
  /** Commits what was deferred; on disk when it returns. */
  flush(): void;
}

export interface WriteGroupParts {
  readonly database: Database;
  readonly guard: WriteGuard;
  readonly log: LogSync;
  /** Runs a call and returns its failures as expected errors. */
  readonly translating: <T>(run: () => T) => T;
}

export function createWriteGroups(parts: WriteGroupParts): WriteGroups {
  return new Groups(parts);
}

/** Returns the time until the next commit, from the time that the last group took and the number of its waits. */
export function groupMsAfter(tookMs: number, waits: number): number {
  // A client that is alone waits for nobody.
  if (waits < 2) return GROUP_MS;
  return Math.min(GROUP_MS_MAX, Math.max(GROUP_MS, (tookMs * GROUP_JOBS) / waits));
}

class Groups implements WriteGroups {
  readonly #parts: WriteGroupParts;
  /** Calls of `write` that are running. */
  #depth = 0;
  #isDeferring = false;
  #rollbacks = 0;
  /** The group whose transaction is open. */
  #group: PromiseWithResolvers<void> | null = null;
  /** Groups that are committed and not on disk yet. */
  #flushing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | NodeJS.Immediate | null = null;
  #committedAtMs = Number.NEGATIVE_INFINITY;
  /** Time from the last commit to the next one. */
  #groupMs = GROUP_MS;
  /** Number of waits for the open group. */
  #waits = 0;
  #commits = 0;
  /** Number of changed rows when the open group began. */
  #changesAtOpen = 0;
  #totalChanges: Statement | null = null;

  constructor(parts: WriteGroupParts) {
    this.#parts = parts;
  }

  rollbacks(): number {
    return this.#rollbacks;
  }

  defer<T>(run: () => T): T {
    const before = this.#isDeferring;
    this.#isDeferring = true;
    try {
      return run();
    } finally {
      this.#isDeferring = before;
    }
  }

  async durable(): Promise<void> {
    if (this.#group !== null) this.#waits += 1;
    await Promise.all([this.#flushing, this.#group?.promise]);
  }

  flush(): void {
    if (this.#group !== null) this.#commitNow();
    // What is in flight is on disk after this call, too.
    if (this.#flushing !== null) this.#watched(() => this.#parts.log.now());
  }

  write<T>(run: () => T, isAtomic: boolean): T {
    const { database, guard } = this.#parts;
    const inner = isAtomic ? () => database.transaction(run)() : run;
    const isInside = this.#depth > 0 || (this.#group === null && database.inTransaction);
    if (isInside) return this.#counted(() => this.#parts.translating(inner));
    if (this.#group === null) guard.beforeWrite();
    if (this.#isDeferring) {
      this.#group ??= this.#open();
      return this.#joined(inner);
    }
    const changes = this.#changes();
    if (this.#group === null) {
      const result = this.#watched(() => {
        const value = this.#counted(() => database.transaction(() => this.#guarded(run, changes))());
        if (this.#changes() !== changes) this.#parts.log.now();
        return value;
      });
      if (this.#changes() !== changes) {
        this.#commits += 1;
        guard.committed();
      }
      return result;
    }
    const result = this.#joined(inner);
    if (this.#changes() !== changes) this.#commitNow();
    return result;
  }

  /** Number of rows that this connection has changed; what changed nothing needs no disk. */
  #changes(): number {
    this.#totalChanges ??= this.#parts.database.prepare('SELECT total_changes()').pluck();
    return Number(this.#totalChanges.get());
  }

  /** Runs in a transaction of its own. */
  #guarded<T>(run: () => T, changesBefore: number): T {
    const value = run();
    if (this.#changes() !== changesBefore) this.#parts.guard.beforeCommit();
    return value;
  }

  #open(): PromiseWithResolvers<void> {
    this.#watched(() => this.#parts.database.exec('BEGIN IMMEDIATE'));
    this.#changesAtOpen = this.#changes();
    const group = Promise.withResolvers<void>();
    // A wait for it sees the failure; often there is none.
    group.promise.catch(() => undefined);
    if (this.#flushing === null) this.#schedule();
    return group;
  }

  /** Runs in the open group. A failure undoes this write alone, unless SQLite had to undo the whole group. */
  #joined<T>(inner: () => T): T {
    try {
      return this.#watched(() => this.#counted(() => this.#parts.database.transaction(inner)()));
    } catch (error) {
      if (!this.#parts.database.inTransaction) this.#lose(error);
      throw error;
    }
  }

  #counted<T>(run: () => T): T {
    this.#depth += 1;
    try {
      return run();
    } catch (error) {
      this.#rollbacks += 1;
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    const waitMs = this.#committedAtMs + this.#groupMs - performance.now();
    const commit = () => {
      this.#timer = null;
      this.#commitLater();
    };
    this.#timer = waitMs > 0 ? setTimeout(commit, waitMs) : setImmediate(commit);
  }

  #commitNow(): void {
    const group = this.#commit();
    if (group === null) throw new Error('there is a group');
    try {
      this.#watched(() => this.#parts.log.now());
    } catch (error) {
      group.reject(error);
      throw error;
    }
    this.#parts.guard.committed();
    group.resolve();
  }

  #commitLater(): void {
    const { log, guard, translating } = this.#parts;
    let group: PromiseWithResolvers<void> | null;
    try {
      group = this.#commit();
    } catch {
      // Everyone who waits for the group has the failure.
      return;
    }
    if (group === null) return;
    const commits = this.#commits;
    // Read now: the next group may change it before this one is on disk.
    const mark = guard.markCommitted();
    const flushing: Promise<void> = log
      .later()
      .then(
        () => {
          if (commits === this.#commits) mark();
          group.resolve();
        },
        (error: unknown) => {
          try {
            translating(() => {
              throw error;
            });
          } catch (translated) {
            guard.failed(translated);
            group.reject(translated);
          }
        },
      )
      .then(() => {
        if (this.#flushing !== flushing) return;
        this.#flushing = null;
        if (this.#group !== null) this.#schedule();
      })
      .then(() => group.promise);
    flushing.catch(() => undefined);
    this.#flushing = flushing;
  }

  /** Ends the open group's transaction; null if there is none. A failure undoes and rejects it. */
  #commit(): PromiseWithResolvers<void> | null {
    const { database, guard } = this.#parts;
    const group = this.#group;
    if (this.#timer !== null) {
      clearTimeout(this.#timer as NodeJS.Timeout);
      clearImmediate(this.#timer as NodeJS.Immediate);
      this.#timer = null;
    }
    if (group === null) return null;
    try {
      this.#watched(() => {
        if (this.#changes() !== this.#changesAtOpen) guard.beforeCommit();
        database.exec('COMMIT');
      });
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      this.#lose(error);
      throw error;
    }
    this.#group = null;
    this.#commits += 1;
    const nowMs = performance.now();
    this.#groupMs = groupMsAfter(nowMs - this.#committedAtMs, this.#waits);
    this.#committedAtMs = nowMs;
    this.#waits = 0;
    return group;
  }

  /** The open group was undone. */
  #lose(error: unknown): void {
    this.#rollbacks += 1;
    const group = this.#group;
    this.#group = null;
    group?.reject(error);
  }

  #watched<T>(run: () => T): T {
    try {
      return this.#parts.translating(run);
    } catch (error) {
      this.#parts.guard.failed(error);
      throw error;
    }
  }
}

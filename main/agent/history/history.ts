/**
 * Reads the past for pages in a process of its own, which runs while pages are open: a list of a million jobs, a year's
 * sums or an export take no time from the thread that serves.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../shared/errors.ts';
import type { ExportRequest } from '../../core/history/index.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { noDebuggerFlags } from '../../ports/no-debugger.ts';
import type { Durability } from '../../ports/store.ts';
import { type ReaderCall, type ReaderCalls, type ReaderRequest, readerReportSchema } from './messages.ts';

/** Pages ask one after the other; more than these wait only if something is wrong. */
const WAITING_MAX = 64;
/** The longest read, of a year, takes less than a second. */
const CALL_MS_MAX = 30_000;
/** Without a read for this long, and without an open page, the process ends and its memory is free. */
const IDLE_MS = 60_000;
/** Its heap needs a quarter of it. */
const HEAP_MEGABYTES_MAX = 128;

type Async<Calls> = {
  readonly [Name in keyof Calls]: Calls[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Result>
    : never;
};

export interface History extends Async<Omit<ReaderCalls, 'beginExport' | 'nextPiece'>> {
  /** Yields the text in pieces that fit into a message. One export at a time: a second one ends the first. */
  export(request: ExportRequest): AsyncGenerator<string, void, void>;
  /** Starts the process before the first read, because a page was opened. */
  warm(): void;
  /** Resolves when the process has ended: the last connection to the database copies its log back. */
  stop(): Promise<void>;
}

export interface HistoryParts {
  /** Path of the database. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes what was written before a read visible to it. */
  readonly durability: Pick<Durability, 'durable'>;
  /** True while a page is open. */
  readonly watched: () => boolean;
}

export function createHistory(parts: HistoryParts): History {
  const reader = new Reader(parts);
  const call =
    <Name extends ReaderCall>(name: Name) =>
    async (...args: Parameters<ReaderCalls[Name]>): Promise<ReturnType<ReaderCalls[Name]>> => {
      // A disk that takes nothing is reported elsewhere; what it has can still be read.
      await parts.durability.durable().catch(() => undefined);
      return (await reader.call(name, args)) as ReturnType<ReaderCalls[Name]>;
    };
  return {
    jobs: call('jobs'),
    earningsByDay: call('earningsByDay'),
    earningsByModel: call('earningsByModel'),
    earningsByNetwork: call('earningsByNetwork'),
    earningsByDevice: call('earningsByDevice'),
    entries: call('entries'),
    async *export(request) {
      await call('beginExport')(request);
      for (;;) {
        const piece = (await reader.call('nextPiece', [])) as string | null;
        if (piece === null) return;
        yield piece;
      }
    },
    warm: () => reader.warm(),
    stop: () => reader.stop(),
  };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly limit: Timer;
}

/** The process and the calls that wait for it. */
class Reader {
  readonly #parts: HistoryParts;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | null = null;
  #nextId = 1;
  #idle: Timer | null = null;
  #isStopped = false;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  call(name: ReaderCall, args: readonly unknown[]): Promise<unknown> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new AppError('busy', 'Too many pages are reading. Wait a moment, then retry.');
    }
    const child = this.#running();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const limit = this.#parts.clock.after(CALL_MS_MAX, () => child.kill('SIGKILL'));
      this.#waiting.set(id, { resolve, reject, limit });
      // A process that has just ended can't take it; its exit rejects the call.
      child.send({ id, call: name, args } satisfies ReaderRequest, () => undefined);
    });
  }

  warm(): void {
    if (!this.#isStopped) this.#running();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#idle?.cancel();
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.ref();
    child.kill('SIGKILL');
    await ended;
  }

  #running(): ChildProcess {
    if (this.#isStopped) throw new AppError('aborted', 'Idlewatt is stopping.');
    this.#watchIdleness();
    if (this.#child !== null) return this.#child;
    const child = fork(fileURLToPath(new URL('./reader-process.ts', import.meta.url)), [this.#parts.path], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Amounts are bigints, which JSON lacks.
      serialization: 'advanced',
      execArgv: [...noDebuggerFlags(), `--max-old-space-size=${HEAP_MEGABYTES_MAX}`],
    });
    this.#child = child;
    // It must not keep the agent running.
    child.unref();
    child.channel?.unref();
    child.on('message', (message) => this.#answer(message));
    child.once('error', (error) => this.#ended(child, error));
    child.once('exit', (code, signal) => this.#ended(child, signal ?? code));
    return child;
  }

  #answer(message: unknown): void {
    const report = readerReportSchema.parse(message);
    const waiting = this.#take(report.id);
    if (waiting === null) return;
    if (!('message' in report)) waiting.resolve(report.value);
    else if (report.code === null) waiting.reject(new Error(report.message));
    else waiting.reject(new AppError(report.code, report.message));
  }

  #take(id: number): Waiting | null {
    const waiting = this.#waiting.get(id) ?? null;
    waiting?.limit.cancel();
    this.#waiting.delete(id);
    return waiting;
  }

  #ended(child: ChildProcess, cause: unknown): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#waiting.size > 0 && !this.#isStopped) {
      this.#parts.log.warn('The process that reads for pages ended early', { cause: String(cause) });
    }
    for (const id of [...this.#waiting.keys()]) {
      this.#take(id)?.reject(
        new AppError('aborted', 'The read was interrupted. Retry; nothing was changed.'),
      );
    }
  }

  #watchIdleness(): void {
    this.#idle?.cancel();
    this.#idle = this.#parts.clock.after(IDLE_MS, () => {
      if (this.#waiting.size > 0 || this.#parts.watched()) this.#watchIdleness();
      else this.#child?.kill('SIGKILL');
    });
  }
}

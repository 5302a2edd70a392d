/**
 * Runs the batches, the oldest first: as many lines at the same time as providers have places that live requests don't
 * need, in the hours and at the prices that the owner has set, until each batch has its files.
 */
import { type BatchStatus, type BatchWait, hasEnded, type StoredBatch } from '../../../shared/batches.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { BatchLine } from '../../ports/batches.ts';
import type { Log } from '../../ports/log.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import { checkFile, readContent } from './check-file.ts';
import { delay } from './delay.ts';
import { type FinishParts, finishBatch, isOpen, type OpenCharge, openCharges } from './finish.ts';
import { type LineEnd, type LineWorkerParts, LOST_CHARGE_MS_MAX, workOnLine } from './line-worker.ts';
import { createPace } from './pace.ts';

export interface BatchRunnerParts extends LineWorkerParts, FinishParts {
  /** True in the hours in which batches may run. */
  readonly isOpenNow: () => boolean;
  /** Called before lines are bought: practice money is made on demand. */
  readonly prepare: () => Promise<void>;
  /** Called when a batch has changed. */
  readonly changed: () => void;
  readonly log: Log;
}

export interface BatchRunner {
  start(): void;
  /** Looks at the batches again: one was added or canceled, or the settings changed. */
  wake(): void;
  /** Returns why no line of the batch is sent now; null if lines are sent, or it isn't that far. */
  waitOf(batchId: string): BatchWait | null;
  /** Time for this many lines by the speed of the last ones; null while that is unknown. */
  leftMs(batchId: string, lines: number): number | null;
  /** Ends the connections; the lines in progress are collected at the next start. */
  stop(): Promise<void>;
}

/** Lines that are read from the store together. */
const GROUP = 100;
/** Ended lines by which the time left is estimated. */
const LINES_TIMED = 100;
const LINES_TIMED_MIN = 3;
const CHECK_MS = 1_000;
/** Interval in which peers are queried while none offers the model. */
const SEEK_MS = 5_000;
const IDLE_CHECK_MS = 60_000;
const CLOSED_CHECK_MS = 30_000;
const FULL_CHECK_MS = 30_000;

/** The progress of one batch in this run. */
interface Progress {
  /** Read from the store and not begun. */
  readonly queue: BatchLine[];
  /** Numbers of lines that are being worked on. */
  readonly running: Set<number>;
  hasReadSent: boolean;
  /** Number of the last waiting line that was read. */
  readUpTo: number;
  wait: { readonly reason: BatchWait; readonly untilMs: number } | null;
  /** Monotonic times at which the last lines have ended. */
  readonly endedAtMs: number[];
  model: string;
  /** Charges that the end waits for, until a monotonic time; null before the end. */
  open: { readonly charges: readonly OpenCharge[]; readonly untilMs: number } | null;
}

export class Runner implements BatchRunner {
  readonly #parts: BatchRunnerParts;
  readonly #progress = new Map<string, Progress>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #pace: ReturnType<typeof createPace>;
  #woken = Promise.withResolvers<void>();
  #loop: Promise<void> | null = null;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
    this.#pace = createPace(parts.clock);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  wake(): void {
    this.#woken.resolve();
  }

  waitOf(batchId: string): BatchWait | null {
    const progress = this.#progress.get(batchId);
    return progress === undefined || progress.running.size > 0 ? null : (progress.wait?.reason ?? null);
  }

  leftMs(batchId: string, lines: number): number | null {
    const times = this.#progress.get(batchId)?.endedAtMs ?? [];
    const [first, ...rest] = times;
    if (first === undefined || rest.length < LINES_TIMED_MIN || this.waitOf(batchId) !== null) return null;
    return (lines * (this.#parts.clock.monotonic() - first)) / rest.length;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    const { clock, store } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers();
      const open = store.openBatches();
      for (const batch of open) {
        if (signal.aborted) return;
        await this.#advance(batch).catch((error: unknown) => this.#postpone(batch, error));
      }
      for (const id of this.#progress.keys())
        if (!open.some((batch) => batch.id === id)) this.#progress.delete(id);
      const checkMs = open.length === 0 ? IDLE_CHECK_MS : CHECK_MS;
      await Promise.race([this.#woken.promise, delay(clock, checkMs, signal)]);
    }
  }

  /** Takes the next step of a batch. */
  async #advance(batch: StoredBatch): Promise<void> {
    const progress = this.#progressOf(batch.id);
    const nowMs = this.#parts.clock.now();
    if (progress.wait !== null && progress.wait.untilMs > nowMs && !isEnding(batch, nowMs)) return;
    switch (batch.status) {
      case 'validating':
        return this.#check(batch);
      case 'in_progress':
        if (nowMs >= batch.expiresAtMs) return this.#finishIfIdle(batch, progress, 'expired');
        return this.#send(batch, progress);
      case 'cancelling':
        return this.#finishIfIdle(batch, progress, 'cancelled');
      case 'finalizing':
        return this.#finishIfIdle(batch, progress, 'completed');
      default:
    }
  }

  async #check(batch: StoredBatch): Promise<void> {
    const { store, clock, log } = this.#parts;
    const { total, errors } = await checkFile(this.#parts, batch);
    const atMs = clock.now();
    // A cancellation may have come meanwhile.
    if (store.findBatch(batch.id)?.status !== 'validating') return this.#change(batch.id, { total });
    if (errors.length > 0) {
      store.deleteLines(batch.id);
      log.warn('The file of a batch has errors', { batch: batch.id, errors: errors.length });
      return this.#change(batch.id, { status: 'failed', failedAtMs: atMs, errors: [...errors] });
    }
    log.info('A batch begins', { batch: batch.id, lines: total });
    await this.#change(batch.id, { status: 'in_progress', inProgressAtMs: atMs, total });
    this.wake();
  }

  async #send(batch: StoredBatch, progress: Progress): Promise<void> {
    if (!this.#parts.isOpenNow()) {
      this.#wait(batch.id, 'hours', CLOSED_CHECK_MS);
      return;
    }
    let line = this.#next(batch.id, progress);
    if (line === null && progress.running.size === 0) {
      await this.#change(batch.id, { status: 'finalizing', finalizingAtMs: this.#parts.clock.now() });
      this.wake();
      return;
    }
    if (line !== null) await this.#parts.prepare();
    while (line !== null && !this.#stopping.signal.aborted) {
      if (!(await this.#begin(batch, progress, line))) {
        progress.queue.unshift(line);
        return;
      }
      line = this.#next(batch.id, progress);
    }
  }

  /** Returns false if there is no place for the line now. */
  async #begin(batch: StoredBatch, progress: Progress, line: BatchLine): Promise<boolean> {
    const { folder } = this.#parts;
    // What was sent is collected, which takes no place.
    const isNew = line.state === 'waiting';
    if (isNew && progress.model !== '' && !this.#hasPlace(batch.id, progress)) return false;
    const { body } = readContent(await folder.read(batch.inputFileId, line.offset, line.bytes));
    progress.model = typeof body.model === 'string' ? body.model : progress.model;
    if (isNew && !this.#hasPlace(batch.id, progress)) return false;
    progress.running.add(line.line);
    const done = workOnLine(this.#parts, batch, line, {
      body,
      signal: this.#stopping.signal,
      mayBuy: isSending(batch, this.#parts.clock.now()),
    })
      .then((end) => {
        // In one turn with what follows: otherwise, something else could begin the line.
        progress.running.delete(line.line);
        this.#ended(batch, line, end);
      })
      .catch((error: unknown) => {
        progress.running.delete(line.line);
        return this.#postpone(batch, error);
      })
      .finally(() => {
        this.#running.delete(done);
        this.wake();
      });
    this.#running.add(done);
    return true;
  }

  /** Returns whether one more line may begin; looks for a provider if none is known. */
  #hasPlace(batchId: string, progress: Progress): boolean {
    const places = this.#parts.buyer.places(progress.model);
    if (this.#pace.hasPlace(this.#running.size, places)) return true;
    if (progress.running.size === 0 && places === 0) this.#seekProvider(batchId, progress);
    return false;
  }

  /** Waits until a provider is found: its offer may be new, for example after a restart. */
  #seekProvider(batchId: string, progress: Progress): void {
    const { buyer } = this.#parts;
    this.#wait(batchId, 'provider', SEEK_MS);
    const { wait } = progress;
    void buyer.seek(progress.model).then(() => {
      if (progress.wait !== wait || buyer.places(progress.model) === 0) return;
      progress.wait = null;
      this.wake();
    });
  }

  /** Returns the next line as it is now: one that was read twice may have begun or ended since. */
  #next(batchId: string, progress: Progress): BatchLine | null {
    for (;;) {
      const read = this.#read(batchId, progress);
      if (read === null) return null;
      const line = progress.running.has(read.line) ? null : this.#parts.store.findLine(batchId, read.line);
      if (line?.state === 'waiting' || line?.state === 'sent') return line;
    }
  }

  /**
   * Lines that were sent in an earlier run come first. One of them that waits again is also read among those that wait.
   */
  #read(batchId: string, progress: Progress): BatchLine | null {
    const { store } = this.#parts;
    if (!progress.hasReadSent) {
      progress.hasReadSent = true;
      // At most as many as run at the same time.
      progress.queue.push(...store.lines(batchId, 'sent', 0, Number.MAX_SAFE_INTEGER));
    }
    if (progress.queue.length === 0) {
      const lines = store.lines(batchId, 'waiting', progress.readUpTo, GROUP);
      progress.queue.push(...lines);
      progress.readUpTo = lines.at(-1)?.line ?? progress.readUpTo;
    }
    return progress.queue.shift() ?? null;
  }

  #ended(batch: StoredBatch, { line }: BatchLine, end: LineEnd): void {
    const progress = this.#progressOf(batch.id);
    this.#parts.changed();
    if (end.kind === 'ended') {
      this.#pace.succeeded();
      progress.endedAtMs.push(this.#parts.clock.monotonic());
      if (progress.endedAtMs.length > LINES_TIMED) progress.endedAtMs.shift();
      progress.wait = null;
      return;
    }
    if (end.kind === 'stopped') return;
    const again = this.#parts.store.findLine(batch.id, line);
    if (again !== null) progress.queue.unshift(again);
    if (end.wait === 'busy') {
      this.#pace.refused(this.#running.size, end.afterMs);
      if (progress.running.size <= 1) this.#wait(batch.id, 'provider', end.afterMs);
    } else this.#wait(batch.id, end.wait, end.afterMs);
  }

  async #finishIfIdle(
    batch: StoredBatch,
    progress: Progress,
    status: Extract<BatchStatus, 'completed' | 'cancelled' | 'expired'>,
  ): Promise<void> {
    if (progress.running.size > 0) return;
    // Answers that were paid before the end are collected.
    const sent = this.#parts.store.lines(batch.id, 'sent', 0, GROUP);
    for (const line of sent) await this.#begin(batch, progress, line);
    if (sent.length > 0 || this.#awaitsCharges(batch, progress)) return;
    const ended = await finishBatch(this.#parts, batch, status);
    this.#parts.changed();
    const { completed, failed, charged } = ended;
    this.#parts.log.info('A batch has ended', { batch: batch.id, status, completed, failed, charged });
  }

  /** True while a provider may still report what it has charged for a line; asks it. */
  #awaitsCharges(batch: StoredBatch, progress: Progress): boolean {
    const { clock, askCharges } = this.#parts;
    progress.open ??= {
      charges: openCharges(this.#parts, batch),
      untilMs: clock.monotonic() + LOST_CHARGE_MS_MAX,
    };
    const { charges, untilMs } = progress.open;
    const left = charges.filter(({ job }) => isOpen(this.#parts, job));
    if (left.length === 0 || clock.monotonic() >= untilMs) return false;
    for (const peer of new Set(left.map(({ peer }) => peer))) void askCharges(peer);
    return true;
  }

  /** A step that failed is tried again; only a file that is gone ends the batch. */
  async #postpone(batch: StoredBatch, error: unknown): Promise<void> {
    const { log, clock, store } = this.#parts;
    const known = store.findBatch(batch.id);
    if (isAppError(error, 'not-found') && known !== null && !hasEnded(known)) {
      const errors = [{ code: 'file_not_found', message: error.message, param: 'input_file_id', line: null }];
      await this.#change(batch.id, { status: 'failed', failedAtMs: clock.now(), errors }).catch(
        () => undefined,
      );
      return;
    }
    const isFull = storageFaultOf(error) !== null || isAppError(error, 'disk-full');
    if (!isFull) log.error('A step of a batch failed', error, { batch: batch.id });
    this.#wait(batch.id, 'disk', FULL_CHECK_MS);
  }

  #wait(batchId: string, reason: BatchWait, afterMs: number): void {
    const progress = this.#progressOf(batchId);
    if (progress.wait?.reason !== reason) {
      this.#parts.log.info('A batch waits', { batch: batchId, reason });
      this.#parts.changed();
    }
    progress.wait = { reason, untilMs: this.#parts.clock.now() + afterMs };
  }

  async #change(id: string, patch: Partial<StoredBatch>): Promise<void> {
    this.#parts.store.updateBatch(id, patch);
    await this.#parts.store.durable();
    this.#parts.changed();
  }

  #progressOf(id: string): Progress {
    const known = this.#progress.get(id);
    if (known !== undefined) return known;
    const progress: Progress = {
      queue: [],
      running: new Set(),
      hasReadSent: false,
      readUpTo: 0,
      wait: null,
      endedAtMs: [],
      model: '',
      open: null,
    };
    this.#progress.set(id, progress);
    return progress;
  }
}

function isSending({ status, expiresAtMs }: StoredBatch, nowMs: number): boolean {
  return status === 'in_progress' && nowMs < expiresAtMs;
}

function isEnding({ status, expiresAtMs }: StoredBatch, nowMs: number): boolean {
  return status === 'cancelling' || (status === 'in_progress' && nowMs >= expiresAtMs);
}

/**
 * Brings one line to its end: buys its answer, or first collects it from the provider that was asked for it. Each step
 * is on disk before the next one, so that a kill at any moment neither loses the line nor has it paid twice.
 */
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import type { BatchWait, StoredBatch } from '../../../shared/batches.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { QUOTA_EXCEEDED } from '../../../shared/openai-errors.ts';
import type { Price } from '../../../shared/price.ts';
import type { BatchLine, BatchStore, LinePatch } from '../../ports/batches.ts';
import type { Clock } from '../../ports/clock.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { Collected, LineBody, LineBuyer } from '../gateway/index.ts';
import { delay } from './delay.ts';
import { LINE_ERRORS, type LineResult } from './results.ts';

export interface LineWorkerParts {
  readonly store: BatchStore;
  readonly buyer: LineBuyer;
  readonly clock: Clock;
  /** The highest price of batches; null: that of live requests. */
  readonly priceMax: () => Partial<Price> | null;
  /** Base units that a bought job has cost; null while that is unknown. */
  readonly chargeOf: (jobId: string) => bigint | null;
  /** True while the provider may still report a charge for a job whose answer was lost. */
  readonly isChargeOpen: (jobId: string) => boolean;
  /** Asks a provider for such charges. Resolves when it was asked, whatever it has answered. */
  readonly askCharges: (peer: string) => Promise<void>;
}

/** `busy`: every provider is at work. */
export type LineEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'later'; readonly wait: BatchWait | 'busy'; readonly afterMs: number }
  | { readonly kind: 'stopped' };

/** Attempts of a line that providers have failed or broken off. */
const FAILURES_MAX = 3;
/** Providers keep an answer longer. */
const COLLECT_MS_MAX = 600_000;
const COLLECT_RETRY_MS_MIN = 500;
const COLLECT_RETRY_MS_MAX = 10_000;
/** A provider that has just started again may take minutes to tell a charge; until then the line could be paid twice. */
export const LOST_CHARGE_MS_MAX = 600_000;
const RETRY_SOON_MS = 5_000;
const RETRY_LATER_MS = 60_000;

export interface WorkRequest {
  readonly body: unknown;
  readonly signal: AbortSignal;
  /** False in a batch that is ending: what was sent is collected, and nothing is bought. */
  readonly mayBuy: boolean;
}

/** Never throws; what isn't stored when it returns is sent or collected again. */
export async function workOnLine(
  parts: LineWorkerParts,
  batch: StoredBatch,
  line: BatchLine,
  request: WorkRequest,
): Promise<LineEnd> {
  const work = new LineWork(parts, batch, line, request);
  try {
    return await work.run();
  } catch (error) {
    return work.endOf(error);
  }
}

class LineWork {
  readonly #parts: LineWorkerParts;
  readonly #batch: StoredBatch;
  readonly #request: WorkRequest & { readonly path: string };
  #line: BatchLine;
  /** Jobs that this attempt has sent. */
  #sent = 0;

  constructor(parts: LineWorkerParts, batch: StoredBatch, line: BatchLine, request: WorkRequest) {
    this.#parts = parts;
    this.#batch = batch;
    this.#line = line;
    this.#request = { ...request, path: batch.endpoint };
  }

  async run(): Promise<LineEnd> {
    const { buyer, priceMax } = this.#parts;
    for (;;) {
      if (this.#line.state === 'sent' && (await this.#collect()) === 'ended') return { kind: 'ended' };
      if (!this.#request.mayBuy) return { kind: 'ended' };
      this.#sent = 0;
      try {
        await buyer.buy({
          ...this.#request,
          keyId: this.#batch.keyId,
          priceMax: priceMax(),
          onSending: (job, begun) => this.#noteSending(job, begun),
          onAnswer: (body) => this.#answer(body, null),
        });
        this.#noteCharge();
        return { kind: 'ended' };
      } catch (error) {
        // The provider may have the answer although the connection was lost.
        if (this.#isEnded() || !isAppError(error, 'peer-unreachable') || this.#sent === 0) throw error;
      }
    }
  }

  /** Returns what follows from a failure, and stores it. */
  endOf(error: unknown): LineEnd {
    if (this.#request.signal.aborted) return { kind: 'stopped' };
    try {
      // A group of writes that failed is undone.
      this.#line = this.#parts.store.findLine(this.#batch.id, this.#line.line) ?? this.#line;
      if (this.#isEnded()) {
        // The answer is here; its charge is being learned.
        this.#noteCharge();
        return { kind: 'ended' };
      }
      return this.#follow(error);
    } catch (second) {
      if (storageFaultOf(second) !== null) return later('disk', RETRY_LATER_MS);
      throw second;
    }
  }

  #follow(error: unknown): LineEnd {
    if (storageFaultOf(error) !== null) return later('disk', RETRY_SOON_MS);
    const hasBegun = this.#sent > 0;
    switch (isAppError(error) ? error.code : null) {
      case 'busy':
        return this.#again('busy', retryMs(error));
      case 'payment-required':
        return this.#refusedPayment(error as AppError);
      case 'insufficient-funds':
        return this.#again('funds', RETRY_LATER_MS);
      case 'paused':
      case 'no-provider':
      case 'not-accepted':
      case 'model-unavailable':
      case 'peer-unreachable':
      case 'clock-wrong':
      case 'chain-unavailable':
        return hasBegun && isAppError(error, 'paused')
          ? this.#failed(error)
          : this.#again('provider', RETRY_SOON_MS);
      case 'engine-failed':
      case 'engine-gave-up':
      case 'receipt-refused':
        return this.#failed(error);
      default:
        return this.#fail(error);
    }
  }

  #refusedPayment(error: AppError): LineEnd {
    switch (error.details.code) {
      case 'daily_budget_spent':
      case 'deposit_above_limit':
        return this.#again('daily-budget', RETRY_LATER_MS);
      case QUOTA_EXCEEDED:
        return error.details.renews === true
          ? this.#again('daily-budget', RETRY_LATER_MS)
          : this.#fail(error);
      case 'price_above_limit':
        return this.#again('price', RETRY_LATER_MS);
      case 'new_provider_limit':
        return this.#again('provider', RETRY_SOON_MS);
      case 'request_budget_exceeded':
        return this.#fail(error);
      default:
        return this.#failed(error);
    }
  }

  /** The line waits again; nothing was wrong with it or its provider. */
  #again(wait: BatchWait | 'busy', afterMs: number): LineEnd {
    if (this.#line.state !== 'waiting') this.#store({ state: 'waiting', begun: null });
    return later(wait, afterMs);
  }

  /** Counts a failed attempt; the last one ends the line. */
  #failed(error: unknown): LineEnd {
    const failures = this.#line.failures + 1;
    if (failures >= FAILURES_MAX) return this.#fail(error);
    this.#store({ state: 'waiting', begun: null, failures });
    return later('provider', RETRY_SOON_MS);
  }

  #fail(error: unknown): LineEnd {
    const { status, body } = this.#parts.buyer.failureOf(error);
    this.#end({ response: { status, body } }, 'failed', this.#costOf(this.#line.jobs));
    return { kind: 'ended' };
  }

  #isEnded(): boolean {
    return this.#line.state === 'answered' || this.#line.state === 'failed';
  }

  async #noteSending(
    { id, peer }: { readonly id: string; readonly peer: string },
    begun: readonly AnswerPiece[],
  ): Promise<void> {
    this.#sent += 1;
    const pieces = begun.length === 0 ? null : JSON.stringify(begun);
    this.#store({ state: 'sent', jobs: [...this.#line.jobs, id], peer, begun: pieces });
    await this.#parts.store.durable();
  }

  async #answer(body: LineBody, charged: bigint | null): Promise<void> {
    const { store, buyer } = this.#parts;
    this.#end({ response: { status: 200, body } }, 'answered', charged);
    await store.durable();
    const { jobs, peer } = this.#line;
    buyer.stored({ id: jobs.at(-1) ?? '', peer: peer ?? '' });
  }

  /** Collects the answer of the latest job; `again` if it has to be bought. */
  async #collect(): Promise<'ended' | 'again'> {
    const { chargeOf, store } = this.#parts;
    const jobId = this.#line.jobs.at(-1) ?? '';
    const collected = await this.#askUntilKnown(jobId, this.#line.peer ?? '');
    if (collected.kind === 'answer') {
      const own = collected.charged ?? chargeOf(jobId);
      const earlier = this.#costOf(this.#line.jobs.slice(0, -1));
      await this.#answer(collected.body, own === null || earlier === null ? null : own + earlier);
      return 'ended';
    }
    const isGone = collected.kind === 'gone';
    const charged = isGone ? await this.#lostCharge(jobId) : null;
    const failures = this.#line.failures + (isGone ? 0 : 1);
    if ((charged ?? 0n) > 0n || failures >= FAILURES_MAX) {
      const error = isGone ? LINE_ERRORS.lost : LINE_ERRORS.incomplete;
      this.#end({ error }, 'failed', this.#costOf(this.#line.jobs));
      await store.durable();
      return 'ended';
    }
    // A job that may have been charged stays one of the line's.
    const jobs = charged === 0n ? this.#line.jobs.slice(0, -1) : this.#line.jobs;
    this.#store({ state: 'waiting', begun: null, failures, jobs });
    return 'again';
  }

  /**
   * Returns what the provider has charged for an answer that it doesn't have any more, as soon as it reports that; null if
   * it never does.
   */
  async #lostCharge(jobId: string): Promise<bigint | null> {
    const { chargeOf, isChargeOpen, askCharges, clock } = this.#parts;
    const { signal } = this.#request;
    const untilMs = clock.monotonic() + LOST_CHARGE_MS_MAX;
    for (;;) {
      if (chargeOf(jobId) === null && isChargeOpen(jobId)) await askCharges(this.#line.peer ?? '');
      const charged = chargeOf(jobId);
      if (charged !== null || !isChargeOpen(jobId)) return charged ?? 0n;
      if (clock.monotonic() >= untilMs) return null;
      await delay(clock, COLLECT_RETRY_MS_MIN, signal);
      if (signal.aborted) throw new AppError('aborted', 'The agent is stopping.');
    }
  }

  /** Asks the provider, which may be restarting, until it answers or doesn't have the answer any more. */
  async #askUntilKnown(jobId: string, peer: string): Promise<Collected> {
    const { buyer, clock } = this.#parts;
    const { signal } = this.#request;
    const begun = this.#line.begun === null ? [] : (JSON.parse(this.#line.begun) as AnswerPiece[]);
    const untilMs = clock.monotonic() + COLLECT_MS_MAX;
    for (let waitMs = COLLECT_RETRY_MS_MIN; ; waitMs = Math.min(waitMs * 2, COLLECT_RETRY_MS_MAX)) {
      try {
        return await buyer.collect({ ...this.#request, jobId, peer, begun });
      } catch (error) {
        if (signal.aborted || !isAppError(error, 'peer-unreachable', 'busy')) throw error;
        if (clock.monotonic() >= untilMs) return { kind: 'gone' };
        await delay(clock, waitMs, signal);
        if (signal.aborted) throw new AppError('aborted', 'The agent is stopping.');
      }
    }
  }

  /** Adds the costs once they are known. */
  #noteCharge(): void {
    const { state, charged, jobs } = this.#line;
    if (state !== 'answered' || charged !== null) return;
    const cost = this.#costOf(jobs);
    if (cost !== null) this.#addCharge(cost);
  }

  #addCharge(charged: bigint): void {
    const { store } = this.#parts;
    store.transaction(() => {
      this.#store({ charged: charged.toString() });
      const before = store.findBatch(this.#batch.id)?.charged ?? '0';
      store.updateBatch(this.#batch.id, { charged: (BigInt(before) + charged).toString() });
    });
  }

  /** Returns what these jobs have cost; null while a provider may still report a charge. */
  #costOf(jobs: readonly string[]): bigint | null {
    const { chargeOf, isChargeOpen } = this.#parts;
    const costs = jobs.map((job) => chargeOf(job) ?? (isChargeOpen(job) ? null : 0n));
    return costs.reduce((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0n);
  }

  #end(result: LineResult, state: 'answered' | 'failed', charged: bigint | null): void {
    const { store } = this.#parts;
    store.transaction(() => {
      this.#store({ state, result: JSON.stringify(result), begun: null });
      const counts = store.findBatch(this.#batch.id);
      if (counts === null) return;
      const [completed, failed] = state === 'answered' ? [1, 0] : [0, 1];
      store.updateBatch(this.#batch.id, {
        completed: counts.completed + completed,
        failed: counts.failed + failed,
      });
      if (charged !== null) this.#addCharge(charged);
    });
  }

  /** Only what was taken: a failed write leaves the line unchanged. */
  #store(patch: LinePatch): void {
    this.#parts.store.updateLine(this.#batch.id, this.#line.line, patch);
    this.#line = { ...this.#line, ...patch };
  }
}

function later(wait: BatchWait | 'busy', afterMs: number): LineEnd {
  return { kind: 'later', wait, afterMs };
}

function retryMs(error: unknown): number {
  const seconds = isAppError(error) ? error.details.retryAfterS : undefined;
  return typeof seconds === 'number' ? seconds * 1_000 : RETRY_SOON_MS;
}

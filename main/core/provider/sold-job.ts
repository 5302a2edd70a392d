/** The books of one job that we sell: each step persisted, delivered tokens metered, charged exactly once. */
import { createHash } from 'node:crypto';
import { type ErrorCode, isAppError } from '../../../shared/errors.ts';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { OfferedModel, Receipt } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { PeerKey } from '../../ports/network.ts';
import type { AdmittedPayment } from '../../ports/payments.ts';
import { newJobId } from '../jobs/index.ts';

export interface SoldJobContext {
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly key: PeerKey;
  readonly assetId: string;
  readonly onCharged: (job: Job, receipt: Receipt) => void;
  /** Told of what was not expected; never of content. */
  readonly onFault: (error: unknown) => void;
}

/** How the work ended: `complete`, the requester or the owner ended it, or we failed. */
export type Outcome =
  | { readonly kind: 'complete'; readonly finishReason: string }
  | { readonly kind: 'aborted'; readonly by: 'requester' | 'owner' }
  | { readonly kind: 'failed'; readonly code: ErrorCode };

/** What the requester gets after the answer. */
export interface Settled {
  readonly receipt: Receipt;
  /** Compact JWS of the receipt. */
  readonly jws: string;
  readonly paymentResponse: string;
}

/** One admitted job. `end` may be called again; only the first call counts. */
export interface SoldJob {
  readonly id: string;
  readonly peer: string;
  readonly model: string;
  readonly startedAtMs: number;
  outputTokens(): number;
  /** Since the first token; null before there are two. */
  tokensPerSecond(): number | null;
  running(): void;
  /** The engine counted the prompt. */
  started(inputTokens: number): void;
  /** These tokens were taken by the requester's connection. */
  delivered(tokens: readonly number[]): void;
  /** The engine's own measurement of its decoding. */
  measured(decodeTokensPerSecond: number | null): void;
  /** Charges what was delivered, or releases the payment when that is nothing. Never throws. */
  end(outcome: Outcome): Promise<Settled | null>;
}

/** Persists the job as `admitted`; from here on exactly one of settle and cancel happens. */
export function admitSoldJob(
  context: SoldJobContext,
  admitted: { peer: string; model: OfferedModel; ceiling: Amount; payment: AdmittedPayment },
): SoldJob {
  const { clock, jobs, key } = context;
  const { peer, model, ceiling, payment } = admitted;
  const startedAtMs = clock.now();
  const id = newJobId(startedAtMs);
  const hash = createHash('sha256');
  let inputTokens: number | null = null;
  let outputTokens = 0;
  let decodeTokensPerSecond: number | null = null;
  let firstTokenAtMs: number | null = null;
  let firstTokenMonotonicMs = 0;
  let lastTokenMonotonicMs = 0;
  let firstTokens = 0;
  let ended: Promise<Settled | null> | null = null;
  let job: Job = {
    id,
    side: 'sold',
    state: 'admitted',
    model: model.id,
    peer,
    payer: payment.payer,
    channelId: payment.channelId,
    createdAtMs: startedAtMs,
    startedAtMs: null,
    firstTokenAtMs: null,
    endedAtMs: null,
    inputTokens: null,
    outputTokens: null,
    decodeTokensPerSecond: null,
    assetId: context.assetId,
    charged: null,
    cumulative: null,
    receipt: null,
    finishReason: null,
    error: null,
    continues: null,
    continuedBy: null,
  };
  jobs.insert(job);
  jobs.appendEvent(id, { atMs: startedAtMs, state: 'admitted', note: null });

  function step(state: JobState, patch: Partial<Job>, note: string | null = null): void {
    job = { ...job, ...patch, state };
    jobs.update(id, { ...patch, state });
    jobs.appendEvent(id, { atMs: clock.now(), state, note });
  }

  function ownSpeed(): number | null {
    const tokens = outputTokens - firstTokens;
    const durationMs = lastTokenMonotonicMs - firstTokenMonotonicMs;
    return tokens > 0 && durationMs > 0 ? (tokens * 1_000) / durationMs : null;
  }

  function facts(): Partial<Job> {
    return {
      endedAtMs: clock.now(),
      firstTokenAtMs,
      inputTokens,
      outputTokens,
      decodeTokensPerSecond: decodeTokensPerSecond ?? ownSpeed(),
    };
  }

  async function conclude(outcome: Outcome): Promise<Settled | null> {
    const finishReason = outcome.kind === 'complete' ? outcome.finishReason : outcome.kind;
    const error = outcome.kind === 'failed' ? outcome.code : null;
    const endState = outcome.kind === 'complete' ? 'charged' : outcome.kind;
    const note = outcome.kind === 'aborted' ? `by ${outcome.by}` : error;
    if (inputTokens === null || (outcome.kind !== 'complete' && outputTokens === 0)) {
      await payment.cancel();
      step(endState === 'charged' ? 'failed' : endState, { ...facts(), finishReason, error }, note);
      return null;
    }
    const cost = charge(model.price, { input: inputTokens, output: outputTokens });
    const intended = cost < ceiling ? cost : ceiling;
    // What is to be charged is on disk first: after a power cut the books can be compared with the channel.
    step('delivered', { ...facts(), finishReason, charged: intended.toString() });
    const settled = await payment.settle(intended);
    const receipt: Receipt = {
      job: id,
      peer: key.peer,
      modelSha256: model.sha256,
      inputTokens,
      outputTokens,
      price: model.price,
      assetId: context.assetId,
      channelId: payment.channelId,
      charged: settled.charged.toString(),
      cumulative: settled.cumulative.toString(),
      tokenHash: hash.digest('hex'),
      finishReason,
      atMs: clock.now(),
    };
    const jws = await key.sign(receipt);
    step(endState, { charged: receipt.charged, cumulative: receipt.cumulative, receipt: jws, error }, note);
    context.onCharged(job, receipt);
    return { receipt, jws, paymentResponse: settled.paymentResponse };
  }

  async function concludeSafely(outcome: Outcome): Promise<Settled | null> {
    try {
      return await conclude(outcome);
    } catch (error) {
      context.onFault(error);
      const code = isAppError(error) ? error.code : 'payment-required';
      try {
        // Whether the charge stands is unknown: the job stays `delivered` with what was intended, and at the
        // next start the channel's own books decide.
        if (job.state === 'delivered') step('delivered', { error: code }, 'settling failed');
        else if (job.endedAtMs === null) step('failed', { ...facts(), error: code });
      } catch (second) {
        context.onFault(second);
      }
      return null;
    }
  }

  return {
    id,
    peer,
    model: model.id,
    startedAtMs,
    outputTokens: () => outputTokens,
    tokensPerSecond: ownSpeed,
    running: () => step('running', { startedAtMs: clock.now() }),
    started(tokens) {
      inputTokens = tokens;
    },
    delivered(tokens) {
      if (tokens.length === 0) return;
      const bytes = Buffer.alloc(tokens.length * 4);
      tokens.forEach((token, index) => {
        bytes.writeUInt32LE(token, index * 4);
      });
      hash.update(bytes);
      outputTokens += tokens.length;
      lastTokenMonotonicMs = clock.monotonic();
      if (firstTokenAtMs === null) {
        firstTokenAtMs = clock.now();
        firstTokenMonotonicMs = lastTokenMonotonicMs;
        firstTokens = tokens.length;
      }
    },
    measured(speed) {
      decodeTokensPerSecond = speed;
    },
    end(outcome) {
      ended ??= concludeSafely(outcome);
      return ended;
    },
  };
}

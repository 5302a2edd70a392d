/** One sold job: each step is stored, delivered tokens are metered, and it is charged exactly once. */
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import { type ErrorCode, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { OfferedModel, Receipt } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { PeerKey } from '../../ports/network.ts';
import type { AdmittedPayment } from '../../ports/payments.ts';
import { type JobRecord, recordJob } from '../jobs/index.ts';
import type { ReportUnexpected } from '../openai-http/index.ts';
import type { JobSpeeds } from './job-speeds.ts';
import { TokenMeter } from './token-meter.ts';

export interface SoldJobContext {
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly key: PeerKey;
  readonly speeds: Pick<JobSpeeds, 'generated'>;
  readonly assetId: string;
  readonly onCharged: (job: Job, receipt: Receipt) => void;
  /** Called when the requester left before the end, or its prompt was rejected only after it was read. */
  readonly onAbandoned: () => void;
  /** Reports unexpected failures; never with content. */
  readonly onUnexpected: ReportUnexpected;
}

/** A request that may run: its price and the payment that covers it. */
export interface AdmittedRequest {
  readonly peer: string;
  readonly model: OfferedModel;
  readonly ceiling: Amount;
  readonly payment: AdmittedPayment;
  /** A line of a batch: if this machine fails, its buyer has to buy the whole answer again. */
  readonly isOnlyWhole: boolean;
}

/** The end of the work: `complete`, `aborted` by the requester or the owner, or a failure of this machine. */
export type Outcome =
  | { readonly kind: 'complete'; readonly finishReason: string }
  | { readonly kind: 'aborted'; readonly by: 'requester' | 'owner' }
  | { readonly kind: 'failed'; readonly code: ErrorCode };

/** The proof of the charge that follows the answer. */
export interface Settled {
  readonly receipt: Receipt;
  /** Compact JWS of the receipt. */
  readonly jws: string;
  readonly paymentResponse: string;
}

/** The beginning of the engine's work. */
export interface Started {
  readonly inputTokens: number;
  /** Absent: none. */
  readonly cachedTokens?: number | undefined;
  /** Absent if the engine doesn't report it. */
  readonly sampling?: AppliedSampling | undefined;
}

/** One admitted job. `end` may be called again; only the first call counts. */
export interface SoldJob {
  readonly id: string;
  readonly peer: string;
  readonly model: string;
  readonly startedAtMs: number;
  outputTokens(): number;
  /** Null until the engine has reported it. */
  inputTokens(): number | null;
  /** Charge for the prompt and the tokens delivered so far; null until the prompt is counted. */
  chargeSoFar(): Amount | null;
  /** Since the first token; null before there are two. */
  tokensPerSecond(): number | null;
  running(): void;
  /** Records the prompt's token counts and how its answer is sampled, as the engine reports them. */
  started(known: Started): void;
  /** Records how many of the prompt's tokens were computed. */
  read(tokens: number): void;
  /** Records tokens that the engine generated; `delivered` follows for those that the requester took. */
  generated(tokens: readonly number[]): void;
  /** Records tokens that the requester's connection has taken. */
  delivered(tokens: readonly number[]): void;
  /** Records the decode speed that the engine measured. */
  measured(decodeTokensPerSecond: number | null): void;
  /**
   * Charges what was delivered. A requester that left is charged for what was read and generated, delivered or not:
   * leaving early must not make work free. Releases the payment if there is nothing to charge. Never throws.
   */
  end(outcome: Outcome): Promise<Settled | null>;
}

/** Stores the job as `admitted`; from here on exactly one of settle and cancel happens. */
export function admitSoldJob(context: SoldJobContext, request: AdmittedRequest): SoldJob {
  const { clock, assetId } = context;
  const { peer, model, payment } = request;
  const { payer, channelId } = payment;
  const known = { model: model.id, peer, payer, channelId, assetId, continues: null, apiKey: null };
  const record = recordJob(context, { side: 'sold', ...known });
  const meter = new TokenMeter(clock);
  const work: WorkDone = {
    meter,
    inputTokens: null,
    cachedTokens: 0,
    readTokens: null,
    sampling: null,
    undelivered: [],
    decodeTokensPerSecond: null,
  };
  let ended: Promise<Settled | null> | null = null;
  return {
    id: record.job().id,
    peer,
    model: model.id,
    startedAtMs: record.job().createdAtMs,
    outputTokens: () => meter.count,
    inputTokens: () => work.inputTokens,
    chargeSoFar: () =>
      work.inputTokens === null
        ? null
        : charge(model.price, { input: work.inputTokens, output: meter.count }),
    tokensPerSecond: () => meter.tokensPerSecond(),
    running: () => record.step('running', { startedAtMs: clock.now() }),
    started({ inputTokens, cachedTokens = 0, sampling = null }) {
      work.inputTokens = inputTokens;
      work.cachedTokens = cachedTokens;
      work.sampling = sampling;
    },
    read(tokens) {
      work.readTokens = tokens;
    },
    generated(tokens) {
      work.undelivered.push(...tokens);
      context.speeds.generated(record.job().id, tokens.length);
    },
    delivered(tokens) {
      meter.add(tokens);
      work.undelivered.splice(0, tokens.length);
    },
    measured(speed) {
      work.decodeTokensPerSecond = speed;
    },
    end(outcome) {
      ended ??= concludeSafely({ context, request, record, work }, outcome);
      return ended;
    },
  };
}

interface WorkDone {
  readonly meter: TokenMeter;
  inputTokens: number | null;
  /** Prompt tokens that had been computed for an earlier request. */
  cachedTokens: number;
  /** Prompt tokens that were computed; null while that is unknown. */
  readTokens: number | null;
  sampling: AppliedSampling | null;
  /** Tokens that were generated and not taken by the requester. */
  undelivered: number[];
  decodeTokensPerSecond: number | null;
}

interface Conclusion {
  readonly context: SoldJobContext;
  readonly request: AdmittedRequest;
  readonly record: JobRecord;
  readonly work: WorkDone;
}

async function concludeSafely(parts: Conclusion, outcome: Outcome): Promise<Settled | null> {
  const { context, record, work } = parts;
  try {
    return await conclude(parts, outcome);
  } catch (error) {
    context.onUnexpected(error);
    parts.request.payment.abandon();
    context.jobs.leave(record.job().id);
    const code = isAppError(error) ? error.code : 'payment-required';
    try {
      // It is unknown whether the charge came through: the job stays `delivered` with the intended charge, and the
      // channel's own records decide when the disk takes writes again, or at the next start.
      const { state, endedAtMs } = record.job();
      if (state === 'delivered') record.step('delivered', { error: code }, 'settling failed');
      else if (endedAtMs === null) record.step('failed', { ...factsOf(work, context.clock), error: code });
    } catch (second) {
      context.onUnexpected(second);
    }
    return null;
  }
}

async function conclude(parts: Conclusion, outcome: Outcome): Promise<Settled | null> {
  const { context, request, record, work } = parts;
  const { meter } = work;
  const hasLeft = outcome.kind === 'aborted' && outcome.by === 'requester';
  if (hasLeft) countUndelivered(work);
  if (hasLeft || isRejected(outcome)) context.onAbandoned();
  const { inputTokens } = work;
  const finishReason = outcome.kind === 'complete' ? outcome.finishReason : outcome.kind;
  const error = outcome.kind === 'failed' ? outcome.code : null;
  const endState = outcome.kind === 'complete' ? 'charged' : outcome.kind;
  const note = outcome.kind === 'aborted' ? `by ${outcome.by}` : error;
  const facts = () => ({ ...factsOf(work, context.clock), finishReason });
  const isUseless = request.isOnlyWhole && outcome.kind === 'failed';
  const isFree =
    isUseless || (outcome.kind !== 'complete' && meter.count === 0 && !(hasLeft && inputTokens !== 0));
  if (inputTokens === null || isFree) {
    await request.payment.cancel();
    record.step(endState === 'charged' ? 'failed' : endState, { ...facts(), error }, note);
    return null;
  }
  const cachedTokens = Math.min(work.cachedTokens, inputTokens);
  const cost = charge(request.model.price, { input: inputTokens, cached: cachedTokens, output: meter.count });
  const intended = cost < request.ceiling ? cost : request.ceiling;
  // The intended charge is stored first: after a power cut the ledger can be compared with the channel.
  record.step('delivered', { ...facts(), charged: intended.toString() });
  const settled = await request.payment.settle(intended, record.job().id);
  const receipt = receiptOf(parts, { inputTokens, cachedTokens, finishReason, ...settled });
  const jws = await context.key.sign(receipt);
  const { charged, cumulative } = receipt;
  record.step(endState, { charged, cumulative, receipt: jws, error }, note);
  await context.jobs.durable();
  report(context, record.job(), receipt);
  return { receipt, jws, paymentResponse: settled.paymentResponse };
}

/** The charge is on disk: the buyer gets its receipt even if a listener fails. */
function report({ onCharged, onUnexpected }: SoldJobContext, job: Job, receipt: Receipt): void {
  try {
    onCharged(job, receipt);
  } catch (error) {
    onUnexpected(error);
  }
}

/** True for a prompt that the engine rejected: it had to be tokenized for that, at no cost for the requester. */
function isRejected(outcome: Outcome): boolean {
  return outcome.kind === 'failed' && (outcome.code === 'context-exceeded' || outcome.code === 'bad-request');
}

/** Counts everything that was computed for a requester that left. */
function countUndelivered(work: WorkDone): void {
  work.meter.add(work.undelivered);
  work.undelivered = [];
  // Before the first token and without the engine's count, nothing is certain to have been read.
  work.inputTokens = work.readTokens ?? (work.meter.count > 0 ? work.inputTokens : null);
}

function factsOf({ meter, inputTokens, decodeTokensPerSecond }: WorkDone, clock: Clock): Partial<Job> {
  return {
    endedAtMs: clock.now(),
    firstTokenAtMs: meter.firstAtMs,
    inputTokens,
    outputTokens: meter.count,
    decodeTokensPerSecond: decodeTokensPerSecond ?? meter.tokensPerSecond(),
  };
}

function receiptOf(
  { context, request, record, work }: Conclusion,
  known: Pick<Receipt, 'inputTokens' | 'finishReason'> & {
    readonly cachedTokens: number;
    readonly charged: Amount;
    readonly cumulative: Amount;
  },
): Receipt {
  const { model, payment } = request;
  return {
    job: record.job().id,
    peer: context.key.peer,
    modelSha256: model.sha256,
    inputTokens: known.inputTokens,
    ...(known.cachedTokens > 0 && { cachedTokens: known.cachedTokens }),
    outputTokens: work.meter.count,
    price: model.price,
    assetId: context.assetId,
    channelId: payment.channelId,
    charged: known.charged.toString(),
    cumulative: known.cumulative.toString(),
    tokenHash: work.meter.digest(),
    ...(work.sampling !== null && { sampling: work.sampling }),
    finishReason: known.finishReason,
    atMs: context.clock.now(),
  };
}

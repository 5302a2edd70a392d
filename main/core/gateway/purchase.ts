/** One request to one provider: paid, streamed, checked against its receipt, and recorded exactly once. */
import { randomInt } from 'node:crypto';
import type { OpinionSource } from '../../../shared/answer-check.ts';
import { type AskedCompletion, askedCostMax } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job, JobKey } from '../../../shared/jobs.ts';
import { ZERO } from '../../../shared/money.ts';
import type { Receipt } from '../../../shared/offer.ts';
import { toRequestBody } from '../../../shared/openai-body.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, TEXT_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer, PaymentLease } from '../../ports/payments.ts';
import type { Tokenizer } from '../../ports/tokenizer.ts';
import type { ProvenAnswer } from '../answer-checks/index.ts';
import { type Hold, type HoldEnd, isAboveLimit, type RequestBudget } from '../budget/index.ts';
import type { ReportUnexpected } from '../openai-http/index.ts';
import { type BoughtJob, endState, recordPurchase } from './bought-job.ts';
import type { Candidate } from './choice.ts';
import { connectionError, PAYMENT_CORRECTED, REFUSAL_CHARGED, refusal } from './provider-errors.ts';
import { openConnection, type PurchaseConnection } from './purchase-connection.ts';
import { abandonLease, type PurchaseTerms, settlePurchase } from './purchase-settlement.ts';
import { answerBounds, type Batch, EXCEEDED, ResponseReader } from './response-reader.ts';
import type { TokenRates } from './token-rates.ts';

export { PAYMENT_CORRECTED } from './provider-errors.ts';
export type { Batch } from './response-reader.ts';

export interface PurchaseContext {
  readonly network: Pick<Network, 'fetch'>;
  readonly payer: Payer;
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  readonly jobs: JobStore;
  /** Recounts tokens where the model file is on this machine. */
  readonly tokenizer: Tokenizer;
  readonly rates: TokenRates;
  /**
   * Called when a job's charge is known, or rejected: then its charge is null. The receipt is null if it is missing or
   * invalid.
   */
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  /** See {@link import('./purchase-settlement.ts').SettlementContext.onProven}. */
  readonly onProven?: (answer: ProvenAnswer) => void;
  readonly onUnexpected: ReportUnexpected;
  /** Called when the provider's bill is false; `reason` is the failed check. */
  readonly onCheat: (peer: string, reason: string) => void;
  readonly limits: PurchaseLimits;
}

export interface PurchaseLimits {
  /** Until the first event. */
  readonly firstEventMs: number;
  /** Between two events. */
  readonly silenceMs: number;
  /** From the end of the answer until receipt and payment response. */
  readonly receiptMs: number;
}

export interface Purchase {
  readonly jobId: string;
  /** Reads the next part of the answer. Fails with an AppError; `conclude` is still to be called then. */
  next(): Promise<Batch>;
  /**
   * Reads on to the receipt, pays what it charges, and returns the job as recorded. Without a complete answer `cause`
   * is the reason. Never throws; only the first call counts.
   */
  conclude(cause?: AppError): Promise<Job>;
}

export interface PurchaseRequest {
  readonly candidate: Candidate;
  readonly asked: AskedCompletion & { readonly maxTokens: number };
  readonly requester: AbortSignal;
  readonly budget: RequestBudget;
  /** ID of the job whose answer this one continues. */
  readonly continues: string | null;
  /** The API key that buys; null without one. */
  readonly apiKey: JobKey | null;
  /** Set for a line of a batch. */
  readonly onSending?: OnSending | undefined;
  /** See {@link ProvenAnswer.opinionsFrom}. Absent: nobody. */
  readonly opinionsFrom?: OpinionSource | undefined;
  /** Called when the request is paid and recorded, right before it is sent. */
  readonly onSent?: () => void;
}

/**
 * Stores which job asks which peer for a line of a batch, and returns the headers that say so; nothing is sent if it
 * fails.
 */
export type OnSending = (job: {
  readonly id: string;
  readonly peer: string;
}) => Promise<Readonly<Record<string, string>>>;

/** The provider's path for each kind of prompt, regardless of the API that the client uses. */
const PATHS = { chat: CHAT_PATH, text: TEXT_PATH, embed: EMBEDDINGS_PATH } as const;

/**
 * Pays and sends the request; resolves when the provider begins to answer. Fails with an AppError, with nothing left
 * open; `details.reason` is {@link PAYMENT_CORRECTED} after a 402.
 */
export async function startPurchase(context: PurchaseContext, request: PurchaseRequest): Promise<Purchase> {
  const { network, payer, clock } = context;
  const { candidate, requester } = request;
  // Without a seed of ours a provider could choose one under which false tokens look honestly drawn.
  const asked = { ...request.asked, seed: request.asked.seed ?? randomInt(2 ** 32) };
  const { peer } = candidate;
  const path = PATHS[asked.prompt.kind];
  const costMax = askedCostMax(candidate.model.price, asked, asked.maxTokens);
  const hold = request.budget.hold(peer, costMax);
  const provider = {
    peer,
    payTo: candidate.offer.payout,
    fetch: (route: string, init: RequestInit) => network.fetch(peer, route, init),
  };
  const lease = await payer.lease(provider, path, costMax).catch((error: unknown) => {
    hold.end(endOfLease(error));
    throw error;
  });
  const { job, headers } = await recordWanted(context, request, lease, hold).catch((error: unknown) => {
    // Nothing was sent to the provider.
    hold.end({ kind: 'unused' });
    throw error;
  });
  const connection = openConnection(clock, requester);
  try {
    connection.expect(context.limits.firstEventMs);
    request.onSent?.();
    const response = await network.fetch(peer, path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...lease.headers,
        ...headers,
      },
      body: JSON.stringify(
        toRequestBody({ ...asked, stream: true, includeUsage: true, returnTokenIds: true }),
      ),
      signal: connection.signal,
    });
    if (response.status !== 200 || !response.body) throw await refusal(response, lease, peer);
    job.step('running', { startedAtMs: clock.now() });
    const { opinionsFrom = 'nobody' } = request;
    return streamPurchase(
      context,
      { candidate, asked, costMax, lease, job, hold, opinionsFrom },
      connection,
      {
        body: response.body,
        requester,
      },
    );
  } catch (error) {
    connection.stopTimer();
    connection.keepWithoutRequester();
    const cause = connectionError(error, requester, peer);
    hold.end(endOfRefusal(cause));
    try {
      job.close(cause.code === 'payment-required' ? 'refused' : endState(cause), { error: cause.code });
    } catch (second) {
      context.jobs.leave(job.job().id);
      throw second;
    } finally {
      // Also on a disk that doesn't take the job's end: the channel would stay in use.
      await endLease(context, { candidate, lease, job, hold }, cause).catch(context.onUnexpected);
    }
    throw cause;
  }
}

/** Ends the lease of a purchase without a response. A 402 has ended it; any other status is no reason to charge. */
async function endLease(
  context: PurchaseContext,
  terms: Pick<PurchaseTerms, 'candidate' | 'lease' | 'job' | 'hold'>,
  { details }: AppError,
): Promise<void> {
  if (details.reason === REFUSAL_CHARGED) context.onCheat(terms.candidate.peer, REFUSAL_CHARGED);
  else if (details.reason !== PAYMENT_CORRECTED) {
    await abandonLease(context, terms, details.status === undefined ? null : ZERO);
  }
}

/** Returns the end of the budget's hold after a lease that failed. Only what certainly came before any signature is unused. */
function endOfLease(error: unknown): HoldEnd {
  if (isAboveLimit(error)) return { kind: 'unused' };
  if (!isAppError(error)) return { kind: 'failed', charged: 0n };
  const isOwn = error.details.peer === undefined;
  if (isOwn && isAppError(error, 'chain-unavailable', 'unsupported')) return { kind: 'unused' };
  // The wallet or the chain may be the cause, or the provider takes no deposits now, which isn't its fault.
  if (isAppError(error, 'chain-unavailable', 'insufficient-funds', 'paused', 'busy'))
    return { kind: 'stopped', charged: 0n };
  return { kind: 'failed', charged: 0n };
}

/** Returns its end after a response other than 200. */
function endOfRefusal(cause: AppError): HoldEnd {
  const { reason, charged } = cause.details;
  if (reason === PAYMENT_CORRECTED) return { kind: 'refused' };
  if (reason === REFUSAL_CHARGED) return { kind: 'failed', charged: BigInt(String(charged)) };
  switch (cause.code) {
    case 'aborted':
      return { kind: 'stopped', charged: null };
    case 'paused':
    case 'busy':
    case 'not-accepted':
    case 'model-unavailable':
    case 'bad-request':
      return { kind: 'stopped', charged: 0n };
    default:
      return { kind: 'failed', charged: null };
  }
}

interface StreamParts {
  readonly body: ReadableStream<Uint8Array>;
  readonly requester: AbortSignal;
}

/** Records the purchase, unless its requester has left while the lease, which may need a deposit, was on its way. */
async function recordWanted(
  context: PurchaseContext,
  request: PurchaseRequest,
  lease: PaymentLease,
  hold: Hold,
): ReturnType<typeof recordDurably> {
  if (!request.requester.aborted) return recordDurably(context, request, lease, hold);
  await lease.abandon().catch(context.onUnexpected);
  throw new AppError('aborted', 'The requester disconnected.');
}

/** Records the purchase; gives the channel back if the disk doesn't take the record. Nothing was sent by then. */
async function recordDurably(
  context: PurchaseContext,
  { candidate, onSending, ...origin }: PurchaseRequest,
  lease: PaymentLease,
  hold: Hold,
): Promise<{ readonly job: BoughtJob; readonly headers: Readonly<Record<string, string>> }> {
  let job: BoughtJob | null = null;
  try {
    job = recordPurchase(context, candidate, lease, origin);
    const { id, peer } = job.job();
    hold.begin({ id, channelId: lease.channelId });
    const [headers = {}] = await Promise.all([onSending?.({ id, peer }), context.jobs.durable()]);
    return { job, headers };
  } catch (error) {
    if (job !== null) context.jobs.leave(job.job().id);
    await lease.abandon().catch(context.onUnexpected);
    throw error;
  }
}

function streamPurchase(
  context: PurchaseContext,
  terms: PurchaseTerms,
  connection: PurchaseConnection,
  { body, requester }: StreamParts,
): Purchase {
  const { job, hold } = terms;
  const reader = new ResponseReader(body, {
    peer: terms.candidate.peer,
    bounds: answerBounds(terms.asked, terms.asked.maxTokens),
    requester,
    onRead: () => connection.expect(context.limits.silenceMs),
    onFirstPiece: job.firstToken,
  });
  let concluded: Promise<Job> | null = null;

  async function finish(cause: AppError | undefined): Promise<Job> {
    // From here on the client may leave: the output it got has to be paid for.
    connection.keepWithoutRequester();
    if (cause?.code === 'aborted' || cause?.details.reason === EXCEEDED) connection.abort();
    try {
      connection.expect(context.limits.receiptMs);
      await reader.readReceipt();
      hold.end(await settlePurchase(context, terms, reader.summary(), cause));
      await context.jobs.durable();
    } catch (error) {
      context.onUnexpected(error);
      hold.end({ kind: 'failed', charged: null });
      closeAfter(error);
    } finally {
      connection.stopTimer();
      connection.abort();
    }
    return job.job();
  }

  function closeAfter(error: unknown): void {
    if (job.job().endedAtMs !== null) return;
    try {
      job.close('failed', { error: isAppError(error) ? error.code : 'payment-required' });
    } catch (second) {
      context.jobs.leave(job.job().id);
      context.onUnexpected(second);
    }
  }

  return {
    jobId: job.job().id,
    next: () => reader.next(),
    conclude(cause) {
      concluded ??= finish(cause);
      return concluded;
    },
  };
}

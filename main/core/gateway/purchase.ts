/** One request at one provider: paid, streamed in, checked against its receipt, booked exactly once. */
import { AppError, type ErrorCode, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, type Receipt } from '../../../shared/offer.ts';
import {
  type AnswerChunk,
  type AskedCompletion,
  answerChunkSchema,
  CHAT_PATH,
  errorBodySchema,
  TEXT_PATH,
  textsOf,
  toRequestBody,
  type Usage,
} from '../../../shared/openai.ts';
import type { AnswerPiece } from '../../../shared/openai-answer.ts';
import { ceiling, inputTokensMax } from '../../../shared/price.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer, PaymentLease } from '../../ports/payments.ts';
import { readEvents, type ServerEvent } from '../sse/index.ts';
import { endState, errorOf, openBooks } from './bought-job.ts';
import type { Candidate } from './choice.ts';
import { checkReceipt } from './receipt-check.ts';

export interface PurchaseContext {
  readonly network: Pick<Network, 'fetch'>;
  readonly payer: Payer;
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  readonly jobs: JobStore;
  /** The receipt is null when it did not come or does not hold; what the job says was charged all the same. */
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  readonly onFault: (error: unknown) => void;
  /** The provider's receipt did not hold. */
  readonly onCheat: (peer: string) => void;
  readonly limits: PurchaseLimits;
}

export interface PurchaseLimits {
  /** Until the first event. */
  readonly firstEventMs: number;
  /** Between two events. */
  readonly silenceMs: number;
  /** Until receipt and payment response came, after the answer's end. */
  readonly receiptMs: number;
}

/** What one network read brought. */
export interface Batch {
  readonly pieces: readonly AnswerPiece[];
  readonly end: { readonly finishReason: string; readonly usage: Usage | null } | null;
}

export interface Purchase {
  readonly jobId: string;
  /** The next part of the answer. Fails with an AppError; then `conclude` is still to be called. */
  next(): Promise<Batch>;
  /**
   * Reads on to the receipt, pays what it says, and books; gives the job as it was booked. Without a complete
   * answer `cause` says why. Never throws; only the first call counts.
   */
  conclude(cause?: AppError): Promise<Job>;
}

/** The provider wants another payment: the lease was corrected, and one more try is worth it. */
export const PAYMENT_CORRECTED = 'payment-corrected';

/**
 * Pays and asks; resolves when the provider began to answer. Fails with an AppError that says what
 * happened, with nothing left open; `details.reason` is {@link PAYMENT_CORRECTED} after a 402.
 */
export async function startPurchase(
  context: PurchaseContext,
  candidate: Candidate,
  asked: AskedCompletion & { readonly maxTokens: number },
  requester: AbortSignal,
  /** The job whose answer is gone on with. */
  continues: string | null = null,
): Promise<Purchase> {
  const { network, payer, clock } = context;
  const { peer, model, offer } = candidate;
  const path = asked.prompt.kind === 'chat' ? CHAT_PATH : TEXT_PATH;
  const most = ceiling(model.price, textsOf(asked), asked.maxTokens);
  const lease = await payer.lease(
    { peer, fetch: (route, init) => network.fetch(peer, route, init) },
    path,
    most,
  );
  const books = openBooks(context, candidate, lease, continues);
  const abort = new AbortController();
  const left = () => abort.abort();
  if (requester.aborted) left();
  else requester.addEventListener('abort', left, { once: true });
  const patience = createPatience(clock, () => abort.abort());

  try {
    patience.expect(context.limits.firstEventMs);
    const response = await network.fetch(peer, path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...lease.headers },
      body: JSON.stringify({
        ...toRequestBody({ ...asked, stream: true, includeUsage: true, returnTokenIds: true }),
      }),
      signal: abort.signal,
    });
    if (response.status !== 200 || !response.body) throw await refusal(response, lease, peer);
    books.step('running', { startedAtMs: clock.now() });
    return purchase(response.body);
  } catch (error) {
    patience.cancel();
    requester.removeEventListener('abort', left);
    const cause = toAppError(error, requester, peer);
    if (cause.details.reason !== PAYMENT_CORRECTED) await lease.abandon().catch(context.onFault);
    books.close(cause.code === 'payment-required' ? 'refused' : endState(cause), { error: cause.code });
    throw cause;
  }

  function purchase(body: ReadableStream<Uint8Array>): Purchase {
    const source = readEvents(body);
    const tokens: number[] = [];
    let tokensKnown = true;
    let pieces = 0;
    let closing: { finishReason: string | null; usage: Usage | null } = { finishReason: null, usage: null };
    let receiptJws: string | null = null;
    let paymentResponse: string | null = null;
    let failure: AppError | null = null;
    let ended = false;
    let concluded: Promise<Job> | null = null;

    function keep({ event, data }: ServerEvent): void {
      if (event === RECEIPT_EVENT) receiptJws = data;
      else if (event === PAYMENT_RESPONSE_EVENT) paymentResponse = data;
    }

    async function read(): Promise<ServerEvent[] | null> {
      try {
        const { value, done } = await source.next();
        return done ? null : value;
      } catch (error) {
        throw toAppError(error, requester, peer);
      }
    }

    function answerOf(events: readonly ServerEvent[]): Batch {
      const found: AnswerPiece[] = [];
      let finishReason: string | null = null;
      let usage: Usage | null = null;
      // All of them first: the receipt may stand behind an error in the same read.
      events.forEach(keep);
      for (const event of events) {
        if (event.event !== null) continue;
        if (event.data === '[DONE]') {
          ended = true;
          continue;
        }
        const chunk = readChunk(event.data, peer);
        if (isAppError(chunk)) {
          failure = chunk;
          break;
        }
        usage = chunk.usage ?? usage;
        const [choice] = chunk.choices;
        if (!choice) continue;
        finishReason = choice.finish_reason ?? finishReason;
        const text = choice.delta?.content ?? choice.text ?? '';
        if (choice.token_ids) for (const token of choice.token_ids) tokens.push(token);
        else if (text !== '') tokensKnown = false;
        if (text !== '' || choice.token_ids?.length) found.push({ text, tokens: choice.token_ids ?? [] });
      }
      // What came before a failure is paid for: the client gets it first, and the failure with the next part.
      if (failure && found.length === 0) throw failure;
      if (found.length > 0 && pieces === 0) books.firstToken();
      pieces += found.length;
      closing = { finishReason: finishReason ?? closing.finishReason, usage: usage ?? closing.usage };
      return {
        pieces: found,
        end: ended ? { finishReason: closing.finishReason ?? 'stop', usage: closing.usage } : null,
      };
    }

    async function settle(cause: AppError | undefined): Promise<void> {
      patience.expect(context.limits.receiptMs);
      try {
        while (paymentResponse === null || receiptJws === null) {
          const events = await read();
          if (events === null) break;
          events.forEach(keep);
        }
      } catch {
        // What is missing is found missing below.
      }
      await book(cause);
    }

    async function book(cause: AppError | undefined): Promise<void> {
      const facts = {
        outputTokens: tokensKnown ? tokens.length : (closing.usage?.completion_tokens ?? null),
        inputTokens: closing.usage?.prompt_tokens ?? null,
        finishReason: closing.finishReason,
      };
      if (paymentResponse === null) {
        await lease.abandon();
        const missing = cause ?? new AppError('receipt-refused', 'No payment response came.');
        books.close(endState(missing), { ...facts, error: cause ? errorOf(cause) : missing.code });
        return;
      }
      const paid = await lease.complete(paymentResponse);
      const money = { charged: paid.charged.toString(), cumulative: paid.cumulative.toString() };
      try {
        const receipt = await checkReceipt(
          receiptJws ?? '',
          {
            peer,
            model,
            assetId: offer.asset.id,
            channelId: lease.channelId,
            ceiling: most,
            inputTokensMax: inputTokensMax(textsOf(asked)),
            outputTokensMax: asked.maxTokens,
            tokens: tokensKnown ? tokens : null,
            charged: paid.charged,
          },
          context.verifySigned,
        );
        books.close(cause ? endState(cause) : 'charged', {
          ...facts,
          ...money,
          inputTokens: receipt.inputTokens,
          outputTokens: receipt.outputTokens,
          receipt: receiptJws,
          error: cause ? errorOf(cause) : null,
        });
        context.onBought(books.job(), receipt);
      } catch (error) {
        if (!isAppError(error, 'receipt-refused')) throw error;
        context.onCheat(peer);
        books.close('failed', { ...facts, ...money, error: error.code }, String(error.details.reason));
        context.onBought(books.job(), null);
      }
    }

    async function finish(cause: AppError | undefined): Promise<Job> {
      // From here on the client may leave without harm: what it got is to be paid for.
      requester.removeEventListener('abort', left);
      if (cause?.code === 'aborted') abort.abort();
      try {
        await settle(cause);
      } catch (error) {
        context.onFault(error);
        const code = isAppError(error) ? error.code : 'payment-required';
        if (books.job().endedAtMs === null) books.close('failed', { error: code });
      } finally {
        patience.cancel();
        abort.abort();
      }
      return books.job();
    }

    return {
      jobId: books.job().id,
      async next() {
        if (failure) throw failure;
        const events = await read();
        if (events === null) throw new AppError('peer-unreachable', 'The answer broke off.');
        patience.expect(context.limits.silenceMs);
        return answerOf(events);
      },
      conclude(cause) {
        concluded ??= finish(cause);
        return concluded;
      },
    };
  }
}

/** One timer that is moved on with every sign of life. */
function createPatience(clock: Clock, lost: () => void) {
  let timer: Timer | null = null;
  return {
    expect(withinMs: number) {
      timer?.cancel();
      timer = clock.after(withinMs, lost);
    },
    cancel() {
      timer?.cancel();
    },
  };
}

const ERROR_BYTES_MAX = 64 * 1024;

/** What a provider's refusal means for us; corrects the lease after a 402. */
async function refusal(response: Response, lease: PaymentLease, peer: string): Promise<AppError> {
  const { status } = response;
  const text = (await response.text()).slice(0, ERROR_BYTES_MAX);
  const parsed = errorBodySchema.safeParse(parseJson(text));
  const told = parsed.success ? parsed.data.error : null;
  if (status === 402) {
    await lease.refused({ status, headers: Object.fromEntries(response.headers), body: text });
    return new AppError('payment-required', 'The provider refused the payment.', {
      details: { peer, reason: PAYMENT_CORRECTED, ...(told?.code ? { code: told.code } : {}) },
    });
  }
  const details = { peer, status, param: told?.param ?? null, ...(told?.code ? { code: told.code } : {}) };
  const message = told?.message.slice(0, 300) ?? `The provider answered with status ${status}.`;
  return new AppError(codeOf(status), message, { details });
}

function codeOf(status: number): ErrorCode {
  if (status === 404) return 'model-unavailable';
  if (status === 429) return 'busy';
  if (status === 503) return 'paused';
  return status >= 400 && status < 500 ? 'bad-request' : 'engine-failed';
}

/** A part of the answer, or what went wrong at the provider. */
function readChunk(data: string, peer: string): AnswerChunk | AppError {
  const value = parseJson(data);
  const details = { peer };
  const failed = errorBodySchema.safeParse(value);
  if (failed.success) {
    const code = failed.data.error.code === 'paused' ? 'paused' : 'engine-failed';
    return new AppError(code, 'The provider could not go on.', { details });
  }
  const chunk = answerChunkSchema.safeParse(value);
  return chunk.success
    ? chunk.data
    : new AppError('engine-failed', 'The provider answers nonsense.', { details });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Failures of a stream are what its connection did, unless our own requester ended it. */
function toAppError(error: unknown, requester: AbortSignal, peer: string): AppError {
  if (requester.aborted) return new AppError('aborted', 'The requester left.');
  if (isAppError(error) && error.code !== 'aborted') return error;
  return new AppError('peer-unreachable', 'The connection to the provider broke.', {
    cause: error,
    details: { peer },
  });
}

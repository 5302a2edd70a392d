/**
 * One admitted request from the engine's first event to the receipt, streamed or whole. However it ends (by the
 * requester, the owner, the engine or the end of the answer), the job is concluded exactly once and its slot is freed.
 */
import type { AnswerFormat } from '../../../shared/answer-format.ts';
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, RECEIPT_HEADER } from '../../../shared/offer.ts';
import { createAnswerFormat, fingerprintOf, usage } from '../../../shared/openai-answer.ts';
import type { Clock } from '../../ports/clock.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../ports/payments.ts';
import { decodeSpeed } from '../jobs/index.ts';
import { answerHeaders, type Failures, isLateAfter } from '../openai-http/index.ts';
import { COMMENT, EVENT_STREAM_HEADERS, eventStream, namedEvent } from '../sse/index.ts';
import type { KeptAnswer } from './kept-answers.ts';
import type { ReadyEvents, WorkEvent } from './ready-events.ts';
import type { Outcome, Settled, SoldJob } from './sold-job.ts';

export interface Work {
  readonly asked: AskedCompletion;
  /** The model file. */
  readonly sha256: string;
  readonly job: SoldJob;
  readonly events: ReadyEvents;
  /** Resolves when the voucher and the job survive a power cut. Nothing is delivered before. */
  readonly stored: Promise<void>;
  /** Stops the engine's work; its reason is the party that ended it. */
  readonly abort: AbortController;
  readonly clock: Clock;
  readonly failures: Failures;
  /** A requester that reads nothing for this long counts as disconnected. */
  readonly stallMs: number;
  /** For a line of a batch: takes the answer, which is finished even if the requester leaves. */
  readonly kept: KeptAnswer | null;
  /** Called once, after the job was concluded. */
  readonly done: () => void;
  /** Called when tokens were delivered. */
  readonly progress: () => void;
}

/** Proxies and clients close connections without traffic for a minute or less. */
export const QUIET_MS_MAX = 15_000;
/** A streamed answer that hasn't begun by then gets its headers, and comments until it begins. */
export const HEADERS_AFTER_MS = 10_000;

type EndEvent = Extract<WorkEvent, { type: 'end' }>;

/** Waits until there is output to answer with, so that earlier failures get an HTTP status of their own. */
export async function answer(work: Work): Promise<Response> {
  const format = createAnswerFormat({
    asked: work.asked,
    jobId: work.job.id,
    createdAtS: Math.floor(work.clock.now() / 1_000),
    fingerprint: fingerprintOf(work.sha256),
  });
  try {
    work.job.running();
    const opening = Promise.all([firstEvents(work), work.stored]).then(([events]) => events);
    if (!work.asked.stream) return await whole(work, format, await opening);
    const isLate = await isLateAfter(work.clock, opening, HEADERS_AFTER_MS);
    const source = pieces(work, format, isLate ? opening : await opening);
    const body = eventStream(work.kept?.fill(source) ?? source, {
      clock: work.clock,
      stallMs: work.stallMs,
      quietMsMax: QUIET_MS_MAX,
      onGone: () => {
        if (work.kept === null) endBy(work, 'requester');
      },
    });
    return new Response(body, { headers: { ...EVENT_STREAM_HEADERS, ...answerHeaders(work.asked) } });
  } catch (error) {
    await work.job.end(outcomeOf(work, error));
    const failure = work.abort.signal.aborted ? abortedError(work) : error;
    endBy(work, 'provider');
    work.done();
    throw failure;
  }
}

/** Waits until there is output, or the end. Fails if the work was stopped before. */
async function firstEvents(work: Work): Promise<readonly WorkEvent[]> {
  const first: WorkEvent[] = [];
  while (!first.some((event) => event.type !== 'start')) first.push(...(await take(work)));
  if (endOf(first)?.reason === 'aborted') throw abortedError(work);
  return first;
}

function endBy({ abort }: Work, party: 'requester' | 'provider'): void {
  if (!abort.signal.aborted) abort.abort(party);
}

async function whole(work: Work, format: AnswerFormat, first: readonly WorkEvent[]): Promise<Response> {
  const events = [...first];
  let end = endOf(events);
  while (!end) {
    const more = await take(work);
    events.push(...more);
    end = endOf(more);
  }
  if (end.reason === 'aborted') throw abortedError(work);
  const written = events.flatMap(piecesOf);
  const tokens = written.flatMap((piece) => piece.tokens);
  work.job.delivered(tokens);
  const settled = await work.job.end({ kind: 'complete', finishReason: end.reason });
  work.done();
  const counted = usage(end.inputTokens, tokens.length, end.cachedTokens);
  return Response.json(format.whole(written, { finishReasons: end.reasons, usage: counted }), {
    headers: {
      ...answerHeaders(work.asked),
      ...(settled && { [RECEIPT_HEADER]: settled.jws, [PAYMENT_RESPONSE_HEADER]: settled.paymentResponse }),
    },
  });
}

/** Yields the text to write; a request for the next piece means that the connection has taken the last one. */
async function* pieces(
  work: Work,
  format: AnswerFormat,
  first: readonly WorkEvent[] | Promise<readonly WorkEvent[]>,
): AsyncGenerator<string, void> {
  const { job } = work;
  let hasEnded = false;
  try {
    if (first instanceof Promise) yield COMMENT;
    let events = await first;
    let text = format.opening();
    while (true) {
      const tokens: number[] = [];
      for (const event of events) {
        for (const piece of piecesOf(event)) {
          text += format.piece(piece);
          tokens.push(...piece.tokens);
        }
      }
      const end = endOf(events);
      hasEnded = end !== undefined;
      if (end && end.reason !== 'aborted') {
        const counted = usage(end.inputTokens, job.outputTokens() + tokens.length, end.cachedTokens);
        text += format.closing({ finishReasons: end.reasons, usage: counted });
      }
      if (text !== '') yield text;
      job.delivered(tokens);
      work.progress();
      if (end) {
        if (end.reason === 'aborted') throw abortedError(work);
        // Nothing is charged that a kill could lose.
        await work.kept?.file();
        yield afterwards(await job.end({ kind: 'complete', finishReason: end.reason }));
        return;
      }
      text = '';
      events = await take(work);
    }
  } catch (error) {
    hasEnded = true;
    const settled = await job.end(outcomeOf(work, error));
    yield format.failure(work.failures.toResponse(error)) + afterwards(settled);
  } finally {
    // Without an earlier outcome only if the connection was lost between two pieces.
    if (!hasEnded) await stopEngine(work);
    await job.end({ kind: 'aborted', by: 'requester' });
    work.done();
  }
}

/** The part of an answer that an event holds, if any. */
function piecesOf(event: WorkEvent): readonly AnswerPiece[] {
  if (event.type === 'text') return [event];
  return event.type === 'vectors' ? [{ text: '', tokens: [], vectors: event.vectors }] : [];
}

/** The events that follow an answer: receipt and payment response, if anything was charged. */
function afterwards(settled: Settled | null): string {
  if (!settled) return '';
  return namedEvent(RECEIPT_EVENT, settled.jws) + namedEvent(PAYMENT_RESPONSE_EVENT, settled.paymentResponse);
}

/** Takes the next events and records what they report of the work. */
async function take(work: Work): Promise<readonly WorkEvent[]> {
  const events = await work.events.take();
  for (const event of events) {
    if (event.type === 'start') work.job.started(event);
    if (event.type === 'text') work.job.generated(event.tokens);
    if (event.type !== 'end') continue;
    work.job.read(event.readTokens ?? event.inputTokens);
    work.job.measured(decodeSpeed(event.outputTokens, event.decodeMs));
  }
  return events;
}

/** Stops the engine's work for a requester that left, and counts what it generates until it has stopped. */
async function stopEngine(work: Work): Promise<void> {
  endBy(work, 'requester');
  try {
    while (!endOf(await take(work)));
  } catch {
    // The engine failed after the requester had left: what was generated by then is charged.
  }
}

function endOf(events: readonly WorkEvent[]): EndEvent | undefined {
  return events.find((event) => event.type === 'end');
}

function outcomeOf({ abort }: Work, error: unknown): Outcome {
  if (abort.signal.aborted) {
    return { kind: 'aborted', by: abort.signal.reason === 'requester' ? 'requester' : 'owner' };
  }
  if (isAppError(error, 'aborted', 'paused')) return { kind: 'aborted', by: 'owner' };
  return { kind: 'failed', code: isAppError(error) ? error.code : 'engine-failed' };
}

/** The reason for an aborted job. An engine that stops without a request from here was stopped for the owner. */
function abortedError({ abort }: Work): AppError {
  return abort.signal.reason === 'requester'
    ? new AppError('aborted', 'The requester disconnected.')
    : new AppError('paused', 'This provider paused because its owner needs the machine.', {
        details: { retryAfterS: 60 },
      });
}

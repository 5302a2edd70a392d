/**
 * One admitted request from the engine's first event to the receipt, streamed or whole. Whoever ends it
 * (requester, owner, engine, the answer itself), the job is concluded exactly once and the slot is freed.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, RECEIPT_HEADER } from '../../../shared/offer.ts';
import type { AskedCompletion } from '../../../shared/openai.ts';
import {
  type AnswerHead,
  closingEvents,
  openingEvent,
  pieceEvent,
  usage,
  wholeAnswer,
} from '../../../shared/openai-answer.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateEvent } from '../../ports/engine.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../ports/payments.ts';
import { EVENT_STREAM_HEADERS, eventStream, namedEvent } from '../sse/index.ts';
import type { ReadyEvents } from './ready-events.ts';
import type { Outcome, Settled, SoldJob } from './sold-job.ts';

export interface Work {
  readonly asked: AskedCompletion;
  readonly job: SoldJob;
  readonly events: ReadyEvents;
  /** Ends the engine's work; its reason is who ended it. */
  readonly abort: AbortController;
  readonly clock: Clock;
  /** A requester that takes nothing for this long has gone. */
  readonly stallMs: number;
  /** Called once, after the job was concluded. */
  readonly done: () => void;
  /** Called when tokens were delivered. */
  readonly progress: () => void;
}

type EndEvent = Extract<GenerateEvent, { type: 'end' }>;

/** Works until there is something to answer with, so that failures before it get a status of their own. */
export async function answer(work: Work): Promise<Response> {
  const head: AnswerHead = {
    asked: work.asked,
    jobId: work.job.id,
    createdAtS: Math.floor(work.clock.now() / 1_000),
  };
  try {
    work.job.running();
    const first: GenerateEvent[] = [];
    while (!first.some((event) => event.type !== 'start')) {
      first.push(...note(work, await work.events.take()));
    }
    const end = endOf(first);
    if (end?.reason === 'aborted') throw abortedError(work);
    if (!work.asked.stream) return await whole(work, head, first);
    const body = eventStream(pieces(work, head, first), {
      clock: work.clock,
      stallMs: work.stallMs,
      onGone: () => endBy(work, 'requester'),
    });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  } catch (error) {
    await work.job.end(outcomeOf(work, error));
    const told = work.abort.signal.aborted ? abortedError(work) : error;
    endBy(work, 'us');
    work.done();
    throw told;
  }
}

function endBy({ abort }: Work, who: 'requester' | 'us'): void {
  if (!abort.signal.aborted) abort.abort(who);
}

async function whole(work: Work, head: AnswerHead, first: readonly GenerateEvent[]): Promise<Response> {
  const events = [...first];
  let end = endOf(events);
  while (!end) {
    const more = note(work, await work.events.take());
    events.push(...more);
    end = endOf(more);
  }
  if (end.reason === 'aborted') throw abortedError(work);
  const texts = events.filter((event) => event.type === 'text');
  const piece = {
    text: texts.map((event) => event.text).join(''),
    tokens: texts.flatMap((event) => event.tokens),
  };
  work.job.delivered(piece.tokens);
  const settled = await work.job.end({ kind: 'complete', finishReason: end.reason });
  work.done();
  const counted = usage(end.inputTokens, piece.tokens.length);
  return Response.json(wholeAnswer(head, piece, end.reason, counted), {
    headers: settled
      ? { [RECEIPT_HEADER]: settled.jws, [PAYMENT_RESPONSE_HEADER]: settled.paymentResponse }
      : {},
  });
}

/** Yields what is to be written; asking for the next piece means that the connection took the last one. */
async function* pieces(
  work: Work,
  head: AnswerHead,
  first: readonly GenerateEvent[],
): AsyncGenerator<string, void> {
  const { job } = work;
  try {
    let events = first;
    let text = openingEvent(head);
    while (true) {
      const tokens: number[] = [];
      for (const event of events) {
        if (event.type !== 'text') continue;
        text += pieceEvent(head, event);
        tokens.push(...event.tokens);
      }
      const end = endOf(events);
      if (end && end.reason !== 'aborted') {
        const counted = usage(end.inputTokens, job.outputTokens() + tokens.length);
        text += closingEvents(head, end.reason, counted);
      }
      if (text !== '') yield text;
      job.delivered(tokens);
      work.progress();
      if (end) {
        if (end.reason === 'aborted') throw abortedError(work);
        yield afterwards(await job.end({ kind: 'complete', finishReason: end.reason }));
        return;
      }
      text = '';
      events = note(work, await work.events.take());
    }
  } catch (error) {
    const settled = await job.end(outcomeOf(work, error));
    yield `data: ${JSON.stringify(toOpenAiError(error).body)}\n\n${afterwards(settled)}`;
  } finally {
    // Reached without an outcome only when the connection went away between two pieces.
    await job.end({ kind: 'aborted', by: 'requester' });
    work.done();
  }
}

function afterwards(settled: Settled | null): string {
  if (!settled) return '';
  return namedEvent(RECEIPT_EVENT, settled.jws) + namedEvent(PAYMENT_RESPONSE_EVENT, settled.paymentResponse);
}

function note(work: Work, events: readonly GenerateEvent[]): readonly GenerateEvent[] {
  for (const event of events) {
    if (event.type === 'start') work.job.started(event.inputTokens);
    if (event.type === 'end') work.job.measured(decodeSpeed(event));
  }
  return events;
}

function endOf(events: readonly GenerateEvent[]): EndEvent | undefined {
  return events.find((event) => event.type === 'end');
}

/** The first token comes out of the prefill. */
function decodeSpeed({ outputTokens, decodeMs }: EndEvent): number | null {
  return outputTokens > 1 && decodeMs > 0 ? ((outputTokens - 1) * 1_000) / decodeMs : null;
}

function outcomeOf({ abort }: Work, error: unknown): Outcome {
  if (abort.signal.aborted) {
    return { kind: 'aborted', by: abort.signal.reason === 'requester' ? 'requester' : 'owner' };
  }
  if (isAppError(error, 'aborted', 'paused')) return { kind: 'aborted', by: 'owner' };
  return { kind: 'failed', code: isAppError(error) ? error.code : 'engine-failed' };
}

/** An engine that ends unasked was stopped by the owner. */
function abortedError({ abort }: Work): AppError {
  return abort.signal.reason === 'requester'
    ? new AppError('aborted', 'The requester left.')
    : new AppError('paused', 'The owner of this machine needs it back.', { details: { retryAfterS: 60 } });
}

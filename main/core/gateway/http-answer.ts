/** Turns an answer into the HTTP response for the client, streamed or whole, and concludes its purchase. */
import { AppError } from '../../../shared/errors.ts';
import {
  type AnswerHead,
  closingEvents,
  joinPieces,
  openingEvent,
  pieceEvent,
  wholeAnswer,
} from '../../../shared/openai-answer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Failures } from '../openai-http/index.ts';
import { EVENT_STREAM_HEADERS, eventStream } from '../sse/index.ts';
import type { Answer } from './answer.ts';
import { asFailure } from './provider-search.ts';

const STALL_MS = 300_000;
/** Proxies and clients close connections without traffic for a minute or less. */
const QUIET_MS_MAX = 15_000;

export interface StreamOptions {
  readonly clock: Clock;
  readonly failures: Failures;
  /** Aborts when the client disconnects. */
  readonly clientGone: AbortController;
}

/** Streams the answer as server-sent events. */
export function streamAnswer(head: AnswerHead, answer: Answer, options: StreamOptions): Response {
  const { clock, failures, clientGone } = options;
  const body = eventStream(answerEvents(head, answer, failures, clientGone.signal), {
    clock,
    stallMs: STALL_MS,
    quietMsMax: QUIET_MS_MAX,
    onGone: () => clientGone.abort(),
  });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

async function* answerEvents(
  head: AnswerHead,
  answer: Answer,
  failures: Failures,
  clientGone: AbortSignal,
): AsyncGenerator<string, void> {
  let isConcluded = false;
  try {
    let text = openingEvent(head);
    while (true) {
      const batch = await answer.next();
      for (const piece of batch.pieces) text += pieceEvent(head, piece);
      if (batch.end) {
        isConcluded = true;
        // The receipt is read while the client already continues.
        void answer.conclude();
        yield text + closingEvents(head, batch.end.finishReason, batch.end.usage);
        return;
      }
      if (text !== '') yield text;
      text = '';
    }
  } catch (error) {
    isConcluded = true;
    void answer.conclude(asFailure(error));
    yield failures.toEvent(error);
  } finally {
    if (!isConcluded) {
      const cause = clientGone.aborted ? 'The requester disconnected.' : 'The answer was stopped.';
      void answer.conclude(new AppError('aborted', cause));
    }
  }
}

/** Collects the answer into one JSON body. Fails with an AppError, with the purchase concluded. */
export async function collectAnswer(head: AnswerHead, answer: Answer): Promise<Response> {
  const pieces = [];
  try {
    while (true) {
      const batch = await answer.next();
      pieces.push(...batch.pieces);
      if (!batch.end) continue;
      void answer.conclude();
      const { finishReason, usage } = batch.end;
      return Response.json(wholeAnswer(head, joinPieces(pieces), finishReason, usage));
    }
  } catch (error) {
    await answer.conclude(asFailure(error));
    throw error;
  }
}

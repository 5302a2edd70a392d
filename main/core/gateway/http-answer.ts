/** Turns an answer into the HTTP response for the client, streamed or whole, and concludes its purchase. */
import type { AnswerHead } from '../../../shared/answer-format.ts';
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { writeChoice } from '../../../shared/choice-note.ts';
import { AppError } from '../../../shared/errors.ts';
import { createAnswerFormat } from '../../../shared/openai-answer.ts';
import { CHOICE_HEADER } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import { answerHeaders, type Failures } from '../openai-http/index.ts';
import { COMMENT, EVENT_STREAM_HEADERS, eventStream } from '../sse/index.ts';
import type { Answer } from './answer.ts';
import { asFailure } from './provider-errors.ts';

const STALL_MS = 300_000;
/** Proxies and clients close connections without traffic for a minute or less. */
const QUIET_MS_MAX = 15_000;

export interface StreamOptions {
  readonly clock: Clock;
  readonly failures: Failures;
  readonly asked: AskedCompletion;
  /** Aborts when the client disconnects. */
  readonly clientGone: AbortController;
}

/** An answer with the head of its events. */
export interface OpenedAnswer {
  readonly head: AnswerHead;
  readonly answer: Answer;
}

/** Streams the answer as server-sent events. If it hasn't begun yet, headers and a comment are sent immediately. */
export function streamAnswer(
  opening: OpenedAnswer | Promise<OpenedAnswer>,
  options: StreamOptions,
): Response {
  const { clock, clientGone } = options;
  const body = eventStream(openedEvents(opening, options), {
    clock,
    stallMs: STALL_MS,
    quietMsMax: QUIET_MS_MAX,
    onGone: () => clientGone.abort(),
  });
  const choice = opening instanceof Promise ? {} : choiceHeaders(opening.answer);
  return new Response(body, {
    headers: { ...EVENT_STREAM_HEADERS, ...answerHeaders(options.asked), ...choice },
  });
}

/** Headers are sent before the choice is known if an answer is late to begin. */
function choiceHeaders({ why }: Answer): Record<string, string> {
  return why === null ? {} : { [CHOICE_HEADER]: writeChoice(why) };
}

async function* openedEvents(
  opening: OpenedAnswer | Promise<OpenedAnswer>,
  { failures, clientGone, asked }: StreamOptions,
): AsyncGenerator<string, void> {
  let opened: OpenedAnswer | null = null;
  try {
    if (opening instanceof Promise) yield COMMENT;
    opened = await opening;
  } catch (error) {
    const unknown = { asked, jobId: '', createdAtS: 0, fingerprint: '' };
    yield createAnswerFormat(unknown).failure(failures.toResponse(error));
    return;
  } finally {
    if (opened === null) void concludeLater(opening);
  }
  yield* answerEvents(opened.head, opened.answer, failures, clientGone.signal);
}

/** Concludes an answer that begins after its client has left. */
async function concludeLater(opening: OpenedAnswer | Promise<OpenedAnswer>): Promise<void> {
  try {
    const { answer } = await opening;
    await answer.conclude(new AppError('aborted', 'The requester disconnected.'));
  } catch {
    // It didn't begin, and the client got the error if it was still there.
  }
}

async function* answerEvents(
  head: AnswerHead,
  answer: Answer,
  failures: Failures,
  clientGone: AbortSignal,
): AsyncGenerator<string, void> {
  let isConcluded = false;
  const format = createAnswerFormat(head);
  try {
    let text = format.opening();
    while (true) {
      const batch = await answer.next();
      for (const piece of batch.pieces) text += format.piece(piece);
      if (batch.end) {
        isConcluded = true;
        // The receipt is read while the client already continues.
        void answer.conclude();
        yield text + format.closing(batch.end);
        return;
      }
      if (text !== '') yield text;
      text = '';
    }
  } catch (error) {
    isConcluded = true;
    void answer.conclude(asFailure(error));
    yield format.failure(failures.toResponse(error));
  } finally {
    if (!isConcluded) {
      const cause = clientGone.aborted ? 'The requester disconnected.' : 'The answer was stopped.';
      void answer.conclude(new AppError('aborted', cause));
    }
  }
}

/** Collects the answer into one JSON body. Fails with an AppError, with the purchase concluded. */
export async function collectAnswer({ head, answer }: OpenedAnswer): Promise<Response> {
  const pieces: AnswerPiece[] = [];
  try {
    while (true) {
      const batch = await answer.next();
      pieces.push(...batch.pieces);
      if (!batch.end) continue;
      checkVectors(head.asked, pieces);
      void answer.conclude();
      return Response.json(createAnswerFormat(head).whole(pieces, batch.end), {
        headers: { ...answerHeaders(head.asked), ...choiceHeaders(answer) },
      });
    }
  } catch (error) {
    await answer.conclude(asFailure(error));
    throw error;
  }
}

/** Fails with `engine-failed` if there isn't one vector for each text. */
export function checkVectors(
  { prompt }: Pick<AskedCompletion, 'prompt'>,
  pieces: readonly AnswerPiece[],
): void {
  if (prompt.kind !== 'embed') return;
  const count = pieces.reduce((sum, { vectors = [] }) => sum + vectors.length, 0);
  if (count !== prompt.texts.length) {
    throw new AppError(
      'engine-failed',
      'The provider sent another number of embeddings than there are texts.',
    );
  }
}

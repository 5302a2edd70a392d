/** The shape of an answer in one API: what is the same in all parts of it, and how its parts become events or a body. */
import type { AnswerPiece } from './answer-pieces.ts';
import type { AskedCompletion } from './asked.ts';
import type { Usage } from './openai-chunks.ts';
import type { OpenAiError } from './openai-errors.ts';

/** The fields that are the same in all parts of one answer. */
export interface AnswerHead {
  readonly asked: AskedCompletion;
  readonly jobId: string;
  readonly createdAtS: number;
  /** Identifies what computes the answer: the model file. */
  readonly fingerprint: string;
}

/** The end of a complete answer: one reason for each choice. */
export interface AnswerEnd {
  readonly finishReasons: readonly string[];
  readonly usage: Usage;
}

/** The shape of an answer in one API. A stream needs one for itself, since events refer to earlier ones. */
export interface AnswerFormat {
  /** The events before the first piece. */
  opening(): string;
  /** The events for one piece. */
  piece(piece: AnswerPiece): string;
  /** The events that end a complete answer. */
  closing(end: AnswerEnd): string;
  /** The body of an answer that isn't streamed. */
  whole(pieces: readonly AnswerPiece[], end: AnswerEnd): Record<string, unknown>;
  /** The event for a failure after the stream has begun. */
  failure(error: OpenAiError): string;
}

/**
 * Answers failures of the OpenAI-compatible services in OpenAI's error shape. The only place of a service where an
 * unexpected failure is reported and reaches a client, which gets only its incident ID.
 */
import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { type OpenAiError, toOpenAiError } from '../../../shared/openai-errors.ts';

/** Reports an unexpected failure, which never holds content, and returns its incident ID; null without a log. */
export type ReportUnexpected = (error: unknown) => string | null;

export interface Failures {
  /** Converts any failure to status and body; reports it first if it is unexpected. */
  toResponse(error: unknown): OpenAiError;
  /** The same as the last `data:` event of a stream that has begun. */
  toEvent(error: unknown): string;
}

export function createFailures(report: ReportUnexpected): Failures {
  const toResponse = (error: unknown) => toOpenAiError(error, isAppError(error) ? null : report(error));
  return {
    toResponse,
    toEvent: (error) => `data: ${JSON.stringify(toResponse(error).body)}\n\n`,
  };
}

/** Answers every error that a route throws, and unknown paths. */
export function answerFailures(
  app: Hono,
  failures: Failures,
  /** Seconds for the `retry-after` header; null omits it. */
  retryAfterS: (error: unknown, status: number, context: Context) => number | null,
): void {
  function answer(context: Context, error: unknown): Response {
    const { status, body } = failures.toResponse(error);
    const delayS = retryAfterS(error, status, context);
    if (delayS !== null) context.header('retry-after', String(delayS));
    return context.json(body, status as ContentfulStatusCode);
  }
  app.notFound((context) => answer(context, new AppError('not-found', 'This path was not found.')));
  app.onError((error, context) => answer(context, error));
}

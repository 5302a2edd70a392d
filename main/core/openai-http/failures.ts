/**
 * Answers failures of the OpenAI-compatible services in the error shape of their endpoint. The only place of a service
 * where an unexpected failure is reported and reaches a client, which gets only its incident ID.
 */
import { randomUUID } from 'node:crypto';
import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { anthropicError } from '../../../shared/messages-answer.ts';
import { METHOD_NOT_ALLOWED, type OpenAiError, toOpenAiError } from '../../../shared/openai-errors.ts';
import { ANTHROPIC_REQUEST_ID_HEADER, MESSAGES_PATH, REQUEST_ID_HEADER } from '../../../shared/wire.ts';

/** Reports an unexpected failure, which never holds content, and returns its incident ID; null without a log. */
export type ReportUnexpected = (error: unknown) => string | null;

export interface Failures {
  /** Converts any failure to status and body; reports it first if it is unexpected. */
  toResponse(error: unknown): OpenAiError;
}

export function createFailures(report: ReportUnexpected): Failures {
  return { toResponse: (error) => toOpenAiError(error, isAppError(error) ? null : report(error)) };
}

/** Gives each response an ID, with which a client can report it, in the headers of both APIs' clients. */
export function identifyResponses(app: Hono): void {
  app.use(async (context, next) => {
    const id = `req_${randomUUID().replaceAll('-', '')}`;
    await next();
    context.header(REQUEST_ID_HEADER, id);
    context.header(ANTHROPIC_REQUEST_ID_HEADER, id);
  });
}

/** Answers every error that a route throws, other methods of known paths, and unknown paths. Comes after all routes. */
export function answerFailures(
  app: Hono,
  failures: Failures,
  /** Seconds for the `retry-after` header; null omits it. */
  retryAfterS: (error: unknown, status: number, context: Context) => number | null,
  /** Body in the shape that the endpoint's clients read. */
  shape: (failure: OpenAiError, context: Context) => object = shapeOfEndpoint,
): void {
  function answer(context: Context, error: unknown): Response {
    const failure = failures.toResponse(error);
    const { status } = failure;
    const delayS = retryAfterS(error, status, context);
    if (delayS !== null) context.header('retry-after', String(delayS));
    return context.json(shape(failure, context), status as ContentfulStatusCode);
  }
  for (const [path, methods] of methodsByPath(app)) {
    app.all(path, (context) => {
      context.header('allow', methods.join(', '));
      throw new AppError('bad-request', `Use ${methods.join(' or ')} for this path.`, {
        details: { code: METHOD_NOT_ALLOWED },
      });
    });
  }
  app.notFound((context) => answer(context, new AppError('not-found', 'This path was not found.')));
  app.onError((error, context) => answer(context, error));
}

/** OpenAI's, or Anthropic's for its endpoint. */
export function shapeOfEndpoint(failure: OpenAiError, context: Context): object {
  return context.req.path.startsWith(MESSAGES_PATH) ? anthropicError(failure) : failure.body;
}

/** The methods of each path that has a route. */
function methodsByPath({ routes }: Hono): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    if (method === 'ALL') continue;
    const known = methods.get(path) ?? [];
    if (!known.includes(method)) methods.set(path, [...known, method]);
  }
  return methods;
}

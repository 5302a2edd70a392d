/** Converts failures to what an OpenAI client reads: a status and an error body. */
import { type AppError, type ErrorCode, isAppError } from './errors.ts';
import type { ErrorBody } from './openai-chunks.ts';

/** Codes of failures with a status of their own. */
export const METHOD_NOT_ALLOWED = 'method_not_allowed';
export const BODY_TOO_LARGE = 'body_too_large';
export const MEDIA_TYPE_NOT_SUPPORTED = 'content_type_not_allowed';
export const ENCODING_NOT_SUPPORTED = 'content_encoding_not_allowed';
/** The request is valid, but the model's template can't render its messages. */
export const TEMPLATE_REJECTED = 'template_rejected';

const STATUS: Partial<Record<ErrorCode, number>> = {
  'bad-request': 400,
  'context-exceeded': 400,
  unsupported: 400,
  'not-permitted': 401,
  'not-accepted': 403,
  'payment-required': 402,
  'insufficient-funds': 402,
  'not-found': 404,
  'model-unavailable': 404,
  busy: 429,
  'engine-failed': 500,
  'peer-unreachable': 502,
  'receipt-refused': 502,
  'engine-gave-up': 503,
  'no-provider': 503,
  'chain-unavailable': 503,
  'clock-wrong': 503,
  'disk-full': 503,
  'disk-unwritable': 503,
  'database-lost': 503,
  'database-corrupt': 503,
  paused: 503,
  aborted: 503,
};

/** OpenAI's code, and its type too, for a key whose budget is used up. */
export const QUOTA_EXCEEDED = 'insufficient_quota';

/** Statuses of failures that have a code of their own. A code may come from a provider: `constructor` must find nothing. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  [METHOD_NOT_ALLOWED, 405],
  [BODY_TOO_LARGE, 413],
  [MEDIA_TYPE_NOT_SUPPORTED, 415],
  [ENCODING_NOT_SUPPORTED, 415],
  [TEMPLATE_REJECTED, 422],
]);

/** OpenAI's own codes where it has one; otherwise the code of the AppError is used. */
const CODE: Partial<Record<ErrorCode, string>> = {
  'context-exceeded': 'context_length_exceeded',
  'model-unavailable': 'model_not_found',
  'not-permitted': 'invalid_api_key',
  busy: 'rate_limit_exceeded',
};

/** The codes of each status, for the documentation. A failure may have a code of its own, which names its reason. */
export function codesByStatus(): ReadonlyMap<number, readonly string[]> {
  const own = Object.entries(STATUS).map(
    ([name, status]) => [CODE[name as ErrorCode] ?? name, status] as const,
  );
  const all = [...own, [QUOTA_EXCEEDED, STATUS['payment-required'] ?? 0] as const, ...STATUS_BY_CODE];
  const statuses = [...new Set(all.map(([, status]) => status))].sort((a, b) => a - b);
  return new Map(
    statuses.map((status) => [status, all.filter(([, each]) => each === status).map(([name]) => name)]),
  );
}

export interface OpenAiError {
  readonly status: number;
  readonly body: ErrorBody;
}

/**
 * Anything that isn't an AppError is a bug of this program: its message stays here, and the client gets the ID of the
 * incident, with which the owner finds it in the log.
 */
export function toOpenAiError(error: unknown, incident: string | null = null): OpenAiError {
  if (!isAppError(error)) {
    const message = incident === null ? 'Internal error.' : `Internal error (incident ${incident}).`;
    return openAiError(500, message, null, 'internal_error');
  }
  const status = STATUS_BY_CODE.get(code(error)) ?? STATUS[error.code] ?? 500;
  return openAiError(status, error.message, param(error), code(error));
}

/** The event for a failure after a stream has begun. */
export function failureEvent({ body }: OpenAiError): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}

function openAiError(status: number, message: string, parameter: string | null, code: string): OpenAiError {
  const type =
    code === QUOTA_EXCEEDED
      ? QUOTA_EXCEEDED
      : status === 401
        ? 'authentication_error'
        : status === 429
          ? 'rate_limit_error'
          : status < 500
            ? 'invalid_request_error'
            : 'server_error';
  return { status, body: { error: { message, type, param: parameter, code } } };
}

function param(error: AppError): string | null {
  return typeof error.details.param === 'string' ? error.details.param : null;
}

function code(error: AppError): string {
  return typeof error.details.code === 'string' ? error.details.code : (CODE[error.code] ?? error.code);
}

/** Translates what goes wrong at a provider or on the way to it into the gateway's own errors. */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError, type ErrorCode, isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import {
  type AnswerChunk,
  answerChunkSchema,
  type ErrorBody,
  errorBodySchema,
} from '../../../shared/openai-chunks.ts';
import type { PaymentLease } from '../../ports/payments.ts';
import { readText } from '../network/index.ts';

/** `details.reason` after a 402: the lease was corrected as the provider requires, so a retry may succeed. */
export const PAYMENT_CORRECTED = 'payment-corrected';
/** `details.reason` after a 402 that proves a charge for the very request that it refuses: `details.charged`. */
export const REFUSAL_CHARGED = 'refusal-charged';

const ERROR_CHARACTERS_MAX = 64 * 1024;
const MESSAGE_CHARACTERS_MAX = 300;
const RETRY_AFTER_S_MAX = 3_600;

/** Converts an error response; corrects the lease after a 402. */
export async function refusal(response: Response, lease: PaymentLease, peer: string): Promise<AppError> {
  const { status } = response;
  const { text } = await readText(response, ERROR_CHARACTERS_MAX);
  const parsed = checkShape(errorBodySchema, readJson(text));
  const given = parsed.success ? parsed.data.error : null;
  if (status === 402) {
    const { charged, isExplained } = await lease.refused({
      status,
      headers: Object.fromEntries(response.headers),
      body: text,
    });
    if (!isExplained) {
      return new AppError('payment-required', 'The provider charged for a request that it rejected.', {
        details: { peer, reason: REFUSAL_CHARGED, charged },
      });
    }
    return new AppError('payment-required', 'The provider rejected the payment.', {
      details: { peer, reason: PAYMENT_CORRECTED, ...(given?.code ? { code: given.code } : {}) },
    });
  }
  const details = {
    ...{ peer, status, param: given?.param ?? null },
    ...(given?.code ? { code: given.code } : {}),
    ...retryAfter(response.headers.get('retry-after')),
  };
  const message =
    given?.message.slice(0, MESSAGE_CHARACTERS_MAX) ?? `The provider responded with status ${status}.`;
  return new AppError(codeOf(status), message, { details });
}

/** Passes on how long to wait, within reason. */
function retryAfter(header: string | null): { readonly retryAfterS?: number } {
  if (header === null || !/^\d{1,6}$/.test(header)) return {};
  return { retryAfterS: Math.min(Math.max(Number(header), 1), RETRY_AFTER_S_MAX) };
}

function codeOf(status: number): ErrorCode {
  if (status === 403) return 'not-accepted';
  if (status === 404) return 'model-unavailable';
  if (status === 429) return 'busy';
  if (status === 503) return 'paused';
  return status >= 400 && status < 500 ? 'bad-request' : 'engine-failed';
}

/** Parses one `data:` event: a part of the answer, or the failure that the provider reports in it. */
export function readChunk(data: string, peer: string): AnswerChunk | AppError {
  const value = readJson(data);
  const details = { peer };
  const failed = checkShape(errorBodySchema, value);
  if (failed.success) {
    return failureInStream(failed.data.error, details);
  }
  const chunk = checkShape(answerChunkSchema, value);
  return chunk.success
    ? chunk.data
    : new AppError('engine-failed', 'The provider sent an invalid response.', { details });
}

/** A failure that the provider found after it had sent its headers. */
function failureInStream({ code, message }: ErrorBody['error'], details: Record<string, unknown>): AppError {
  if (code === 'context_length_exceeded') {
    return new AppError('context-exceeded', message.slice(0, MESSAGE_CHARACTERS_MAX), { details });
  }
  const known = code === 'paused' ? 'paused' : 'engine-failed';
  return new AppError(known, 'The provider could not finish the answer.', { details });
}

function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** Attributes a failure of the stream to the connection, unless the requester ended it. */
export function connectionError(error: unknown, requester: AbortSignal, peer: string): AppError {
  if (requester.aborted) return new AppError('aborted', 'The requester disconnected.');
  if (isAppError(error) && error.code !== 'aborted') return error;
  return new AppError('peer-unreachable', 'The connection to the provider was lost.', {
    cause: error,
    details: { peer },
  });
}

/** Converts any failure to one that can be shown to the client. */
export function asFailure(error: unknown): AppError {
  return isAppError(error)
    ? error
    : new AppError('engine-failed', 'Could not pass on the answer.', { cause: error });
}

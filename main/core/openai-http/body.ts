/** Request bodies of the OpenAI-compatible services: JSON, with a size limit. */
import type { Context, Hono } from 'hono';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { isDeepJson, JSON_DEPTH_MAX } from '../../../shared/json.ts';
import { BODY_TOO_LARGE, ENCODING_NOT_SUPPORTED } from '../../../shared/openai-errors.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

/** Rejects bodies of a larger size on all routes that are added afterwards, before they are received. */
export function limitBodies(app: Hono): void {
  app.use(async (context, next) => {
    if (Number(context.req.header('content-length') ?? 0) > BODY_BYTES_MAX) throw tooLarge();
    await next();
  });
}

/** Returns true if the body is, or may be, larger. */
export function mayExceed(context: Context, bytesMax: number): boolean {
  const length = context.req.header('content-length');
  return length === undefined
    ? context.req.header('transfer-encoding') !== undefined
    : Number(length) > bytesMax;
}

/** Receives and parses the body. Fails with `bad-request`, also if it is compressed, or larger than it said. */
export async function readJsonBody(context: Context): Promise<unknown> {
  return parseJsonBody(await readBody(context));
}

/**
 * Receives the body as it was sent, until the signal aborts: then its connection is ended. Fails with `bad-request`, also if it
 * is compressed, late, or larger than it said.
 */
export async function readBody(context: Context, late?: AbortSignal): Promise<Uint8Array> {
  const encoding = context.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new AppError('bad-request', 'Send the request body without Content-Encoding.', {
      details: { code: ENCODING_NOT_SUPPORTED },
    });
  }
  try {
    return await readBytes(context.req.raw.body, late);
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw invalidBody('The request body could not be read.', cause);
  }
}

/** Fails with `bad-request`. */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  if (isDeepJson(text)) throw invalidBody(`The request body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidBody('The request body must be JSON.', cause);
  }
}

async function readBytes(body: ReadableStream<Uint8Array> | null, late?: AbortSignal): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  late?.addEventListener('abort', stop);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.byteLength;
      if (bytes > BODY_BYTES_MAX) {
        stop();
        throw tooLarge();
      }
      chunks.push(part.value);
    }
    if (late?.aborted) throw invalidBody('The request body took too long.');
    return Buffer.concat(chunks);
  } finally {
    late?.removeEventListener('abort', stop);
  }
}

function tooLarge(): AppError {
  const message = `The request body exceeds ${BODY_BYTES_MAX} bytes.`;
  return new AppError('bad-request', message, { details: { code: BODY_TOO_LARGE } });
}

function invalidBody(message: string, cause?: unknown): AppError {
  return new AppError('bad-request', message, { cause, details: { code: 'invalid_body' } });
}

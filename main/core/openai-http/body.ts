/** Request bodies of the OpenAI-compatible services: JSON, with a size limit. */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { isDeepJson, JSON_DEPTH_MAX } from '../../../shared/json.ts';

const BODY_BYTES_MAX = 1024 * 1024;

/** Rejects larger bodies on all routes that are added afterwards, with `bad-request`. */
export function limitBodies(app: Hono): void {
  app.use(
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: () => {
        throw invalidBody(`The request body exceeds ${BODY_BYTES_MAX} bytes.`);
      },
    }),
  );
}

/** Parses the body. Fails with `bad-request`. */
export async function readJsonBody(context: Context): Promise<unknown> {
  let text: string;
  try {
    text = await context.req.text();
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw invalidBody('The request body could not be read.', cause);
  }
  if (isDeepJson(text)) throw invalidBody(`The request body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidBody('The request body must be JSON.', cause);
  }
}

function invalidBody(message: string, cause?: unknown): AppError {
  return new AppError('bad-request', message, { cause, details: { code: 'invalid_body' } });
}

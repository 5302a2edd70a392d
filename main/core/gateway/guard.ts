/** Admits requests to the gateway: only from programs on this machine that have a key, and web pages that are allowed. */
import { AppError } from '../../../shared/errors.ts';
import { type LoopbackExceptions, type LoopbackRequest, loopbackRefusal } from '../../../shared/loopback.ts';
import { MEDIA_TYPE_NOT_SUPPORTED } from '../../../shared/openai-errors.ts';
import { BATCHES_PATH, FILES_PATH } from '../../../shared/wire.ts';
import type { GatewayKeys, KeyUse } from '../gateway-keys/index.ts';

/** Uploads are forms, and a cancellation has no body. A page still needs permission to send the key. */
const TAKES_ANY_TYPE = new RegExp(`^(${FILES_PATH}|${BATCHES_PATH}/[^/]+/cancel)/?$`);

/**
 * Returns the use of the request's key. Fails with `not-permitted`, or with `bad-request` for a body that isn't declared as JSON. The host check stops DNS
 * rebinding: a page of another site whose name was pointed at loopback still sends that name as its host.
 */
export function checkRequest(
  request: LoopbackRequest & { readonly path?: string },
  keys: Pick<GatewayKeys, 'use'>,
  exceptions?: LoopbackExceptions,
): KeyUse {
  const refusal = loopbackRefusal(request, exceptions);
  if (refusal === 'host') {
    throw new AppError('not-permitted', 'Host not allowed. Use 127.0.0.1, localhost or [::1].', {
      details: { code: 'host_not_allowed' },
    });
  }
  if (refusal === 'origin') {
    const origin = request.header('origin')?.slice(0, 100) ?? 'unknown';
    throw new AppError('not-permitted', `Requests from web pages are not allowed (origin ${origin}).`, {
      details: { code: 'origin_not_allowed' },
    });
  }
  // Anthropic's clients send the key in a header of their own.
  const bearer = /^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1];
  const use = keys.use(bearer ?? request.header('x-api-key') ?? '');
  if (refusal === 'content-type' && !TAKES_ANY_TYPE.test(request.path ?? '')) {
    throw new AppError('bad-request', 'Send the request body as JSON, with Content-Type: application/json.', {
      details: { code: MEDIA_TYPE_NOT_SUPPORTED },
    });
  }
  return use;
}

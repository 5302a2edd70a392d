/** Admits requests to the gateway: only from programs on this machine that have its key, never from web pages. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import { isLoopbackHost } from '../../../shared/loopback.ts';

/**
 * Fails with `not-permitted`. The host check stops DNS rebinding: a page of another site whose name was pointed at
 * loopback still sends that name as its host.
 */
export function checkRequest(header: (name: string) => string | undefined, key: string): void {
  if (!isLoopbackHost(header('host'))) {
    throw new AppError('not-permitted', 'Host not allowed. Use 127.0.0.1, localhost or [::1].', {
      details: { code: 'host_not_allowed' },
    });
  }
  const given = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1] ?? '';
  if (!timingSafeEqual(digest(given), digest(key))) {
    throw new AppError('not-permitted', 'The API key is missing or invalid.');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

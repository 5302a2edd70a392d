/** Who may use the gateway: programs of this machine that know its key, and no web page. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import { isLoopbackHost } from '../../../shared/loopback.ts';

/**
 * Fails with `not-permitted`. A page of another site whose name was pointed at loopback (DNS rebinding)
 * still sends that name as its host.
 */
export function checkRequest(header: (name: string) => string | undefined, key: string): void {
  if (!isLoopbackHost(header('host'))) {
    throw new AppError('not-permitted', 'This service answers on loopback names only.', {
      details: { code: 'host_not_allowed' },
    });
  }
  const given = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1] ?? '';
  if (!timingSafeEqual(digest(given), digest(key))) {
    throw new AppError('not-permitted', 'The API key is missing or wrong.');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

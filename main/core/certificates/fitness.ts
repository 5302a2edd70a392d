/** Checks a certificate before it is served: it replaces one that may be good, and is renewed only weeks later. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import type { CertifiedKey } from '../../ports/certificates.ts';

/** Fails with `not-accepted` if the certificate can't be read, or isn't for this domain or for its key. */
export function assertFits({ chain, key }: CertifiedKey, domain: string): void {
  const { certificate, privateKey } = read(chain, key);
  if (certificate.checkHost(domain) === undefined) throw unfit('isn’t for this name');
  if (!certificate.checkPrivateKey(privateKey)) throw unfit('isn’t for the key that it was ordered for');
}

/** Fails with `not-accepted` if it has expired and the former one hasn't. Alone, an expired one shows that the clock is ahead. */
export function assertNoWorse(endMs: number, formerEndMs: number, nowMs: number): void {
  if (endMs <= nowMs && formerEndMs > nowMs) throw unfit('has expired');
}

function read(chain: string, key: string) {
  try {
    return { certificate: new X509Certificate(chain), privateKey: createPrivateKey(key) };
  } catch (cause) {
    throw unfit('can’t be read', cause);
  }
}

function unfit(fault: string, cause?: unknown): AppError {
  return new AppError('not-accepted', `The certificate ${fault}.`, { cause });
}

/**
 * A certificate authority that speaks ACME (RFC 8555). The domain is proven by tls-alpn-01 (RFC 8737), on the port that serves
 * HTTPS, so that no other port is opened.
 */
import * as acme from 'acme-client';
import { AppError } from '../../../shared/errors.ts';
import type { CertificateAuthority, CertificateOrder, CertifiedKey } from '../../ports/certificates.ts';
import { setAcmeTransport } from './transport.ts';

export interface AuthorityOptions {
  /** URL of its directory. */
  readonly directory: string;
  /** First pause between questions about an order; each next one is twice as long. */
  readonly pollMs?: number;
}

const CHALLENGE = 'tls-alpn-01';
const POLL_MS = 1_000;
const POLL_MS_MAX = 15_000;
const POLLS_MAX = 10;
/** Characters of an authority's reason that are passed on. */
const REASON_CHARACTERS_MAX = 300;

export function createAuthority({ directory, pollMs = POLL_MS }: AuthorityOptions): CertificateAuthority {
  setAcmeTransport(acme.axios);
  return {
    newAccountKey: async () => String(await acme.crypto.createPrivateEcdsaKey()),
    async order(order) {
      const client = new acme.Client({
        directoryUrl: directory,
        accountKey: order.accountKey,
        ...{ backoffMin: pollMs, backoffMax: POLL_MS_MAX, backoffAttempts: POLLS_MAX },
      });
      try {
        return await obtain(client, order);
      } catch (error) {
        throw isRefusal(error) ? refused(error) : error;
      }
    },
  };
}

async function obtain(client: acme.Client, order: CertificateOrder): Promise<CertifiedKey> {
  const { domain, email } = order;
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(email !== null && { contact: [`mailto:${email}`] }),
  });
  const opened = await client.createOrder({ identifiers: [{ type: 'dns', value: domain }] });
  for (const authorization of await client.getAuthorizations(opened)) {
    if (authorization.status !== 'valid') await prove(client, authorization, order);
  }
  const [key, request] = await acme.crypto.createCsr(
    { altNames: [domain] },
    await acme.crypto.createPrivateEcdsaKey(),
  );
  const finished = await client.finalizeOrder(opened, request);
  return { chain: await client.getCertificate(finished), key: String(key) };
}

async function prove(
  client: acme.Client,
  authorization: acme.Authorization,
  { showChallenge }: CertificateOrder,
): Promise<void> {
  const challenge = authorization.challenges.find(({ type }) => String(type) === CHALLENGE);
  if (challenge === undefined) {
    throw new AppError('not-accepted', `The certificate authority doesn’t offer ${CHALLENGE} for this name.`);
  }
  const proof = await client.getChallengeKeyAuthorization(challenge);
  const [key, certificate] = await acme.crypto.createAlpnCertificate(
    authorization,
    proof,
    await acme.crypto.createPrivateEcdsaKey(),
  );
  const hide = showChallenge({ chain: String(certificate), key: String(key) });
  try {
    await client.completeChallenge(challenge);
    // The challenge has the reason of a refusal; the authorization has none of its own.
    await client.waitForValidStatus(challenge);
  } finally {
    hide();
  }
}

/** The library throws plain errors for what an authority says; all others are faults of its own or of ours. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.constructor === Error && !('code' in error);
}

/** The reason is the authority's text: without control characters, and not longer than can be shown. */
function refused(cause: Error): AppError {
  const reason = cause.message
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, REASON_CHARACTERS_MAX);
  const message = `The certificate authority refused the order: ${reason || 'without a reason'}`;
  return new AppError('not-accepted', /[.!?]$/.test(message) ? message : `${message}.`, { cause });
}

/**
 * Verifies: the options for certificates are used together as documented, and a wrong one is refused by name.
 * Fails if: a certificate is ordered without the owner's agreement, on an address that nobody chose, for something that is no
 *   domain, or from an authority without HTTPS.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebConfig } from '../../../main/agent/config.ts';
import { readAcme } from '../../../main/agent/storefront-certificate.ts';

const LISTEN = '0.0.0.0:443';
const ACME = { domain: 'ai.example.com', isAgreed: true, email: null, directory: null };
const WEB: WebConfig = {
  listen: LISTEN,
  publicUrl: null,
  proxies: [],
  certFile: null,
  keyFile: null,
  acme: ACME,
};

test('reads a domain in any spelling, with Let’s Encrypt as the default', () => {
  const directory = 'https://acme-v02.api.letsencrypt.org/directory';
  assert.deepEqual(readAcme(WEB), { domain: 'ai.example.com', email: null, directory });
  const other = {
    ...ACME,
    domain: 'KÖLN.example',
    email: 'a@b.example',
    directory: 'https://ca.example/acme',
  };
  assert.deepEqual(readAcme({ ...WEB, acme: other }), {
    ...{ domain: 'xn--kln-sna.example', email: 'a@b.example', directory: 'https://ca.example/acme' },
  });
  const { acme: _, ...without } = WEB;
  assert.equal(readAcme(without), null);
  assert.equal(readAcme({ ...WEB, acme: { ...ACME, domain: null, isAgreed: false } }), null);
});

test('refuses what can’t be ordered, and names the option', () => {
  const wrong: readonly (readonly [Partial<WebConfig>, RegExp])[] = [
    [{ acme: { ...ACME, isAgreed: false } }, /--acme-agree/],
    [{ acme: { ...ACME, domain: null } }, /--acme-domain/],
    [{ acme: { ...ACME, domain: null, isAgreed: false, email: 'a@b.example' } }, /--acme-domain/],
    [{ listen: null }, /--web-listen/],
    [{ certFile: 'a', keyFile: 'b' }, /--tls-cert/],
    [{ acme: { ...ACME, email: 'a@b.example?cc=c@d.example' } }, /--acme-email/],
    [{ acme: { ...ACME, directory: 'http://ca.example' } }, /--acme-directory/],
    ...['localhost', '*.example.com', '203.0.113.5', 'a..b', '-a.example', 'a.example/x', ''].map(
      (domain) => [{ acme: { ...ACME, domain } }, /Invalid --acme-domain/] as const,
    ),
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => readAcme({ ...WEB, ...change }), { code: 'bad-request', message }, String(message));
  }
});

/**
 * Verifies: a server for strangers attributes requests to the right address, and serves the owner's current certificate.
 * Setup: real servers on loopback; certificates that the test makes.
 * Fails if: a visitor's own claim counts, or a renewed certificate needs a restart.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import {
  closeHttp,
  createPublicServer,
  listenHttp,
  type PublicServer,
} from '../../../main/adapters/http/index.ts';

const HOST = '127.0.0.1';

async function open(proxies: readonly string[], tls: Parameters<typeof createPublicServer>[1]['tls'] = null) {
  const faults: unknown[] = [];
  const made: PublicServer = createPublicServer(
    { fetch: (_request, { address }) => new Response(address) },
    { proxies, tls, onCertificateFault: (cause) => faults.push(cause) },
  );
  const port = await listenHttp(made.server, { host: HOST, port: 0 });
  return { ...made, port, faults, close: () => closeHttp(made.server) };
}

test('only the owner’s proxies name a visitor’s address, and only the last one that isn’t theirs counts', async (context) => {
  const asked: readonly (readonly [readonly string[], string | null, string])[] = [
    [[], '203.0.113.5', HOST],
    [['10.0.0.0/8'], '203.0.113.5', HOST],
    [[HOST], '203.0.113.5', '203.0.113.5'],
    [[HOST], '198.51.100.1, 203.0.113.5', '203.0.113.5'],
    [[HOST, '10.0.0.0/8'], '198.51.100.1, 203.0.113.5, 10.1.2.3', '203.0.113.5'],
    [[HOST], '2001:db8::1', '2001:db8::1'],
    [[HOST], '::ffff:203.0.113.5', '203.0.113.5'],
    [[HOST], 'unknown, nonsense', HOST],
    [[HOST], null, HOST],
  ];
  for (const [proxies, forwarded, expected] of asked) {
    const { port, close } = await open(proxies);
    context.after(close);
    const headers = forwarded === null ? {} : { 'x-forwarded-for': forwarded };
    const seen = await (await fetch(`http://${HOST}:${port}/`, { headers })).text();
    assert.equal(seen, expected, `${proxies} ${forwarded}`);
  }
  assert.throws(
    () =>
      createPublicServer(
        { fetch: () => new Response() },
        { proxies: ['somewhere'], tls: null, onCertificateFault: () => undefined },
      ),
    {
      code: 'bad-request',
    },
  );
});

test('serves a renewed certificate without a restart, and keeps the last one that could be read', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-tls-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const make = (name: string) => {
    const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const out = ['-keyout', join(folder, 'new-key.pem'), '-out', join(folder, 'new-cert.pem')];
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'ignore' });
    cpSync(join(folder, 'new-key.pem'), keyFile);
    cpSync(join(folder, 'new-cert.pem'), certFile);
  };
  make('first.test');
  const { port, close, renewCertificate, faults } = await open([], { certFile, keyFile });
  context.after(close);
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  assert.equal(await served(), 'first.test');
  make('second.test');
  // Of the same second otherwise, on some file systems.
  utimesSync(certFile, new Date(), new Date(Date.now() + 5_000));
  renewCertificate();
  assert.equal(await served(), 'second.test');
  writeFileSync(certFile, 'damaged');
  utimesSync(certFile, new Date(), new Date(Date.now() + 10_000));
  renewCertificate();
  assert.equal(await served(), 'second.test');
  assert.equal(faults.length, 1);
  assert.deepEqual(
    faults.map((fault) => fault instanceof Error),
    [true],
  );
});

/**
 * Verifies: a server for strangers attributes requests to the right address, serves the owner's current certificate, and shows
 *   a challenge to certificate authorities only.
 * Setup: real servers on loopback; certificates that the test makes.
 * Fails if: a visitor's own claim counts, a renewed certificate needs a restart, a visitor gets the certificate of a challenge or
 *   is turned away meanwhile, a connection that says nothing stays, or keeps the server from closing.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { createPublicServer, listenHttp, type PublicServer } from '../../../main/adapters/http/index.ts';

const HOST = '127.0.0.1';

async function open(proxies: readonly string[], tls: Parameters<typeof createPublicServer>[1]['tls'] = null) {
  const faults: unknown[] = [];
  const made: PublicServer = createPublicServer(
    { fetch: (_request, { address }) => new Response(address) },
    { proxies, tls, onCertificateFault: (cause) => faults.push(cause) },
  );
  const port = await listenHttp(made.server, { host: HOST, port: 0 });
  return { ...made, port, faults, close: made.close };
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

/** A self-signed certificate and its key, as text. */
function selfSigned(context: TestContext, name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-tls-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', '2', ...out], {
    stdio: 'ignore',
  });
  const text = (file: string) => readFileSync(join(folder, file), 'utf8');
  return { chain: text('cert.pem'), key: text('key.pem') };
}

/** Connects over a socket that is written to in pieces of this many bytes, and returns the name in the certificate. */
function nameSeen(port: number, protocols: readonly string[], pieceBytes = 100_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const raw = createConnection({ host: HOST, port, noDelay: true });
    const inPieces = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        const next = (at: number) => {
          if (at >= chunk.length) done();
          else raw.write(chunk.subarray(at, at + pieceBytes), () => setImmediate(next, at + pieceBytes));
        };
        next(0);
      },
    });
    raw.on('data', (chunk) => inPieces.push(chunk));
    raw.on('close', () => inPieces.destroy());
    const ALPNProtocols = [...protocols];
    const socket = connect({ socket: inPieces, rejectUnauthorized: false, ALPNProtocols }, () => {
      resolve(`${socket.getPeerCertificate().subject.CN} ${socket.alpnProtocol}`);
      raw.destroy();
    });
    socket.on('error', reject);
  });
}

test('shows a challenge to an authority only, and to nobody when it is over', async (context) => {
  const { port, close, useCertificate, showChallenge } = await open([], 'given');
  context.after(close);
  useCertificate(selfSigned(context, 'shop.test'));
  const AUTHORITY = ['acme-tls/1'];
  const VISITOR = ['http/1.1'];
  assert.equal(await nameSeen(port, VISITOR), 'shop.test http/1.1');
  const hide = showChallenge(selfSigned(context, 'challenge.test'));
  assert.equal(await nameSeen(port, AUTHORITY), 'challenge.test acme-tls/1');
  assert.equal(await nameSeen(port, VISITOR), 'shop.test http/1.1');
  // A first record in several packets, as with the large keys of new browsers.
  assert.equal(await nameSeen(port, AUTHORITY, 7), 'challenge.test acme-tls/1');
  assert.equal(await nameSeen(port, VISITOR, 7), 'shop.test http/1.1');
  hide();
  await assert.rejects(nameSeen(port, AUTHORITY), 'the server itself doesn’t speak the protocol');
  assert.equal(await nameSeen(port, VISITOR), 'shop.test http/1.1');
});

test('a client of a challenge that keeps its side open holds no connection', async (context) => {
  const { port, close, server, showChallenge } = await open([], 'given');
  context.after(close);
  showChallenge(selfSigned(context, 'challenge.test'));
  const raw = createConnection({ host: HOST, port, allowHalfOpen: true });
  context.after(() => raw.destroy());
  const options = { rejectUnauthorized: false, ALPNProtocols: ['acme-tls/1'], allowHalfOpen: true };
  const client = connect({ socket: raw, ...options });
  client.on('error', () => undefined).resume();
  await once(client, 'secureConnect');
  const held = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  while ((await held()) !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('a connection that says nothing doesn’t keep the server from closing', async (context) => {
  for (const isChallenged of [false, true]) {
    const { port, close, useCertificate, showChallenge } = await open([], 'given');
    const certificate = selfSigned(context, 'shop.test');
    useCertificate(certificate);
    if (isChallenged) showChallenge(certificate);
    const silent = createConnection({ host: HOST, port });
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    await nameSeen(port, ['http/1.1']);
    const closedMs = await timeOf(close);
    assert.ok(closedMs < 2_000, `${closedMs} ms`);
  }
});

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

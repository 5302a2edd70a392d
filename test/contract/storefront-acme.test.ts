/**
 * Verifies: the storefront's server proves its domain to an authority that nobody here wrote, serves the certificate, renews it
 * while it is in use, and waits after a refusal.
 * Setup: Pebble, the ACME server of Let's Encrypt's makers, with a DNS server for which every name is this machine; the server,
 * the keeper of the certificate and the ACME library are those of the agent, the clock is the test's.
 * Fails if: a client that trusts the authority doesn't get through, a renewal ends a stream or is late, a refusal has no
 * reason, or another attempt comes too early, also after a start.
 * Lab: builds an ACME server with the Go toolchain.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Agent, fetch } from 'undici';
import { createAuthority } from '../../main/adapters/acme/index.ts';
import { createPublicServer, listenHttp } from '../../main/adapters/http/index.ts';
import { createCertificateKeeper } from '../../main/core/certificates/index.ts';
import type { CertificateStore, ShowChallenge, StoredCertificate } from '../../main/ports/certificates.ts';
import { manualClock } from '../fakes/clock.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { type AcmeServer, FORBIDDEN_NAME, startAcmeServer } from '../lab/acme-server.ts';

const HOST = '127.0.0.1';
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
const BUILD_MS_MAX = 300_000;

let acme: AcmeServer;
const closers: (() => unknown)[] = [];

before(
  async () => {
    acme = await startAcmeServer();
  },
  { timeout: BUILD_MS_MAX },
);
after(() => acme?.close());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function memoryStore(): CertificateStore & { stored: StoredCertificate | null } {
  return {
    stored: null,
    read() {
      return this.stored;
    },
    write(stored) {
      this.stored = stored;
    },
  };
}

interface ShopOptions {
  readonly store?: ReturnType<typeof memoryStore>;
  readonly clock?: ReturnType<typeof manualClock>;
  /** Replaces the server's way to show a challenge. */
  readonly showChallenge?: ShowChallenge;
}

async function openShop(domain: string, options: ShopOptions = {}) {
  const { store = memoryStore(), clock = manualClock(Date.now()) } = options;
  const log = createRecordingLog();
  const made = createPublicServer(
    { fetch: (request) => answer(new URL(request.url).pathname) },
    { proxies: [], tls: 'given', onCertificateFault: (cause) => assert.fail(String(cause)) },
  );
  await listenHttp(made.server, { host: HOST, port: acme.challengePort });
  closers.push(made.close);
  const keeper = createCertificateKeeper({
    ...{ domain, store, clock, log, directory: acme.directory, email: 'owner@example.com' },
    authority: createAuthority({ directory: acme.directory, pollMs: 50 }),
    use: made.useCertificate,
    showChallenge: options.showChallenge ?? made.showChallenge,
    onChange: () => undefined,
  });
  closers.push(keeper.close);
  return { keeper, store, clock, log, close: made.close };
}

/** Functions that write a word into the open streams. */
const writers: ((word: string) => void)[] = [];
function answer(path: string): Response {
  if (path !== '/stream') return new Response('open');
  const body = new ReadableStream<Uint8Array>({
    start(stream) {
      writers.push((word) => stream.enqueue(Buffer.from(word)));
    },
  });
  return new Response(body);
}

/** A visitor who trusts the authority's root and nothing else. */
function visit(domain: string, path = '/') {
  const lookup = (_host: string, _options: unknown, done: (...answer: unknown[]) => void) =>
    done(null, [{ address: HOST, family: 4 }]);
  const dispatcher = new Agent({ connect: { ca: acme.root, lookup: lookup as never } });
  closers.push(() => dispatcher.destroy());
  return fetch(`https://${domain}:${acme.challengePort}${path}`, { dispatcher });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen in time`);
    await sleep(20);
  }
}

test('obtains a certificate that clients trust, and starts with it the next time', async () => {
  const { keeper, store, log, close } = await openShop('ai.example.com');
  await assert.rejects(visit('ai.example.com'), 'without a certificate nobody gets through');
  await until(() => keeper.state().expiresAtMs !== null, 'the certificate');
  assert.equal(await (await visit('ai.example.com')).text(), 'open');
  await assert.rejects(
    visit('other.example.com'),
    ({ cause }: Error) => String(Object(cause).code) === 'ERR_TLS_CERT_ALTNAME_INVALID',
  );
  const { expiresAtMs, problem } = keeper.state();
  assert.equal(problem, null);
  assert.ok(Math.abs((expiresAtMs ?? 0) - Date.now() - 90 * DAY_MS) < HOUR_MS);
  assert.ok(log.lines.some(({ message }) => message === 'A certificate was obtained'));
  const { certificate, accountKey } = store.stored ?? assert.fail('nothing is stored');
  keeper.close();
  await close();

  const again = await openShop('ai.example.com', { store });
  assert.equal(await (await visit('ai.example.com')).text(), 'open', 'served from the start');
  again.clock.advance(DAY_MS);
  await sleep(200);
  assert.equal(again.store.stored?.certificate, certificate, 'not ordered again');
  assert.equal(again.store.stored?.accountKey, accountKey);
});

test('renews when a third of the lifetime is left, and a stream isn’t interrupted', async () => {
  const { keeper, store, clock } = await openShop('renewed.example.com');
  await until(() => keeper.state().expiresAtMs !== null, 'the certificate');
  const first = store.stored?.certificate;
  const reader = (await visit('renewed.example.com', '/stream')).body?.getReader();
  const word = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  writers.at(-1)?.('before');
  assert.equal(await word(), 'before');

  clock.advance(59 * DAY_MS);
  await sleep(200);
  assert.equal(store.stored?.certificate, first, 'too early');
  clock.advance(2 * DAY_MS);
  await until(() => store.stored?.certificate !== first, 'the renewal');
  writers.at(-1)?.('after');
  assert.equal(await word(), 'after');
  const served = await new Promise<string>((resolve, reject) => {
    const options = {
      host: HOST,
      port: acme.challengePort,
      servername: 'renewed.example.com',
      ca: acme.root,
    };
    const socket = connect(options, () => resolve(socket.getPeerX509Certificate()?.toString() ?? ''));
    socket.once('error', reject);
    closers.push(() => socket.destroy());
  });
  assert.ok(store.stored?.certificate?.chain.startsWith(served), 'new visitors get the new certificate');
});

const REFUSALS: readonly (readonly [string, string, ShopOptions, RegExp])[] = [
  ['a name that the authority refuses', FORBIDDEN_NAME, {}, /refused the order: .*policy/i],
  ['a name that leads to another machine', 'elsewhere.example.com', {}, /refused the order: .*connect/i],
  [
    'a port that leads to another server',
    'behind.example.com',
    { showChallenge: () => () => undefined },
    /refused the order: .*(?:tls|alpn)/i,
  ],
];

for (const [what, domain, options, reason] of REFUSALS) {
  test(`${what} has a reason, and the next attempt waits, also after a start`, async () => {
    await acme.lead('elsewhere.example.com', '127.0.0.9');
    const { keeper, store, clock, log, close } = await openShop(domain, options);
    await until(() => keeper.state().problem !== null, 'the refusal');
    const { problem, nextTryAtMs, expiresAtMs } = keeper.state();
    assert.match(problem ?? '', reason);
    assert.equal(expiresAtMs, null);
    assert.ok((nextTryAtMs ?? 0) - clock.now() >= 5 * 60_000);
    assert.ok(log.lines.some(({ level, fields }) => level === 'warn' && fields.problem === problem));
    keeper.close();
    await close();

    const again = await openShop(domain, { ...options, store, clock });
    await sleep(300);
    assert.equal(again.store.stored?.failures, 1, 'no attempt at the start');
    clock.advance(6 * 60_000);
    await until(() => again.store.stored?.failures === 2, 'the second attempt');
    await until(() => (again.keeper.state().nextTryAtMs ?? 0) - clock.now() > 9 * 60_000, 'a longer wait');
  });
}

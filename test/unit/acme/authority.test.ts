/**
 * Verifies: requests to a certificate authority are sent once, within limits, and fail with a sentence that an owner can use.
 * Setup: servers on loopback with the answers of each test. test/contract/storefront-acme.test.ts (a lab) uses a real one.
 * Fails if: a limit of the authority is answered by more requests or its wait is lost, a server that isn't there or sends too
 *   much has no reason, a fault of ours is called the authority's, or the library's own transport is used.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createAuthority } from '../../../main/adapters/acme/index.ts';

async function serve(answer: RequestListener) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function orderAt(directory: string): Promise<unknown> {
  const authority = createAuthority({ directory, pollMs: 1 });
  const accountKey = await authority.newAccountKey();
  const showChallenge = () => () => undefined;
  return authority.order({ domain: 'ai.example.com', accountKey, email: null, showChallenge });
}

const CASES: readonly (readonly [string, RequestListener, Record<string, unknown>])[] = [
  [
    'a limit with seconds',
    (_request, response) => response.writeHead(429, { 'retry-after': '3600' }).end('{}'),
    { code: 'busy', details: { retryAfterS: 3_600 } },
  ],
  [
    'a limit without a time',
    (_request, response) => response.writeHead(503).end(),
    { code: 'busy', details: {} },
  ],
  [
    'an endless answer',
    (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    },
    { code: 'peer-unreachable' },
  ],
  [
    'a redirect',
    (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    { code: 'peer-unreachable' },
  ],
  [
    'a directory that names no place for orders',
    (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    { code: 'not-accepted' },
  ],
];

for (const [what, answer, expected] of CASES) {
  test(`${what} ends the order after one request`, async (context) => {
    const server = await serve(answer);
    context.after(server.close);
    const startMs = performance.now();
    await assert.rejects(orderAt(server.url), (error: Error) => {
      for (const [name, value] of Object.entries(expected)) {
        assert.deepEqual(Object(error)[name], value, error.message);
      }
      assert.match(error.message, /^The certificate authority /);
      return true;
    });
    assert.equal(server.requests(), 1);
    assert.ok(performance.now() - startMs < 10_000, 'before the limit of time');
  });
}

test('a fault that isn’t the authority’s is not called its refusal', async (context) => {
  const server = await serve((request, response) => {
    const at = (path: string) => `http://${request.headers.host}${path}`;
    const directory = { newNonce: at('/nonce'), newAccount: at('/account'), newOrder: at('/order') };
    response.writeHead(200, { 'content-type': 'application/json', 'replay-nonce': 'bm9uY2U' });
    response.end(JSON.stringify(directory));
  });
  context.after(server.close);
  const order = { domain: 'ai.example.com', email: null, showChallenge: () => () => undefined };
  const damaged = createAuthority({ directory: server.url, pollMs: 1 }).order({
    ...order,
    accountKey: 'damaged',
  });
  await assert.rejects(damaged, (error: Error) => {
    assert.doesNotMatch(error.message, /refused/);
    return true;
  });
});

test('a server that isn’t there is named', async () => {
  await assert.rejects(orderAt('http://127.0.0.1:1/'), {
    code: 'peer-unreachable',
    message: 'The certificate authority at 127.0.0.1:1 can’t be reached.',
  });
});

/**
 * Verifies: each obstacle between this machine and the chain's node has a sentence that the owner can act on.
 * Setup: the chain's node replaced by a server on loopback that answers as networks of offices and hotels do.
 * Fails if: a wrong chain, a sign-in page, a rate limit and a proxy's sign-in look like the same outage.
 */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { practiceNetwork } from '../../../main/adapters/anvil/index.ts';
import { connectNode } from '../../../main/adapters/ethers/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { describeConnectionFailure, describeInterference } from '../../../shared/network-failure.ts';

async function messageOf(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const node = connectNode(practiceNetwork(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  try {
    await node.height();
    return assert.fail('it answered');
  } catch (error) {
    assert.ok(isAppError(error), String(error));
    return error.message;
  } finally {
    node.close();
    server.closeAllConnections();
    server.close();
  }
}

const html = (response: ServerResponse) =>
  response.setHeader('content-type', 'text/html').end('<html>Sign in</html>');

test('names the sign-in page of a network, by its text, its redirect or its status', async () => {
  const page = /answered with a web page of its own; open a browser and sign in/;
  assert.match(await messageOf(html), page);
  const away = (response: ServerResponse) => response.writeHead(302, { location: '/sign-in' }).end();
  assert.match(await messageOf(away), page);
  assert.match(await messageOf((response) => response.writeHead(511).end()), page);
});

test('names a rate limit, a proxy’s sign-in and another chain', async () => {
  assert.match(await messageOf((response) => response.writeHead(429).end()), /refuses more requests for now/);
  assert.match(await messageOf((response) => response.writeHead(407).end()), /the proxy requires a sign-in/);
  const other = await messageOf((response) =>
    response.setHeader('content-type', 'application/json').end('{"jsonrpc":"2.0","id":1,"result":"0x1"}'),
  );
  assert.equal(other, 'The node serves chain 1, not 31337.');
  assert.equal(await messageOf((response) => response.destroy()), 'The chain is unreachable.');
});

test('names the clock when a certificate is not valid yet or no longer', () => {
  for (const code of ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']) {
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error('bad'), { code }) });
    assert.match(describeInterference(error) ?? '', /check date and time of this machine/);
  }
  const refused = Object.assign(new Error('bad'), { code: 'ECONNREFUSED' });
  assert.equal(describeInterference(refused), null);
  assert.equal(describeConnectionFailure(refused), 'connection refused');
});

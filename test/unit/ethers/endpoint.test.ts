/**
 * Verifies: an answer of the chain's node counts only for its own query and within limits of time and size, and closing ends
 *   what is on its way.
 * Setup: a node on loopback that answers with chosen JSON, with what a test writes, or not at all.
 * Fails if: an answer to another query, or one without a result or a readable error, is taken for this query's; an answer that
 *   never ends or grows when it is unpacked is read on; a closed connection waits for its time limit; or a new query goes out
 *   after it.
 */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { practiceNetwork } from '../../../main/adapters/anvil/index.ts';
import {
  connectNode,
  createAccount,
  createSender,
  createSpendChain,
} from '../../../main/adapters/ethers/index.ts';
import { ANSWER_BYTES_MAX } from '../../../main/adapters/ethers/limited-request.ts';
import { isAppError } from '../../../shared/errors.ts';

/** Longer than the test may take. */
const NEVER_MS = 600_000;
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A node whose answer to a query is made of its ID and method; null: the response is the test's, if it answers at all. */
async function nodeThat(
  answer: (id: number, method: string, response: ServerResponse) => object | null,
  requestTimeoutMs = NEVER_MS,
) {
  const arrived: string[] = [];
  const waiting = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    request.on('end', () => {
      const { id, method } = JSON.parse(text);
      arrived.push(method);
      const content = method === 'eth_chainId' ? { id, result: '0x7a69' } : answer(id, method, response);
      if (content === null) waiting.resolve();
      else response.end(JSON.stringify({ jsonrpc: '2.0', ...content }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const node = connectNode(practiceNetwork(`http://127.0.0.1:${port}`), { requestTimeoutMs });
  closing.push(() => {
    node.close();
    server.closeAllConnections();
    server.close();
  });
  return { node, arrived, waiting: waiting.promise };
}

const failureOf = (query: Promise<unknown>) =>
  query.then(
    () => null,
    (error: unknown) => error,
  );

test('an answer to another query, or without a readable error, is an outage', async () => {
  const answers = [
    (id: number) => ({ id: id + 1, result: '0x1' }),
    () => ({ result: '0x1' }),
    (id: number) => ({ id, error: { code: -32_000 } }),
    (id: number) => ({ id, error: 'no' }),
    (id: number) => ({ id }),
    () => [],
  ];
  for (const answer of answers) {
    const { node } = await nodeThat(answer);
    const failure = await failureOf(node.send('eth_gasPrice', []));
    assert.ok(isAppError(failure, 'chain-unavailable'), `${answer}: ${failure}`);
  }
  const { node } = await nodeThat((id) => ({ id, result: '0x5', error: null }));
  assert.equal(await node.send('eth_gasPrice', []), '0x5', 'some nodes send an error of null');
});

test('an answer in another form than its query has is an outage, not a fault of the program', async () => {
  const account = createAccount(`0x${'2'.repeat(64)}`);
  const to = account.address;
  for (const result of [null, '5', {}, 'ether']) {
    const { node } = await nodeThat((id) => ({ id, result }));
    const chain = createSpendChain(node);
    const sending = createSender(node, account).sendTransaction({ to, data: '0x' });
    const asked = [chain.nonces(to), chain.held(to), chain.estimateGas(to, { to, data: '0x', value: 0n })];
    for (const failure of await Promise.all([sending, ...asked].map(failureOf))) {
      assert.ok(isAppError(failure, 'chain-unavailable'), `${result}: ${failure}`);
    }
  }
});

test('an answer that nests too deeply is an outage', async () => {
  const levels = 1_000_000;
  const nested = `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const { node } = await nodeThat((id, _method, response) => {
    response.end(`{"jsonrpc":"2.0","id":${id},"result":${nested}}`);
    return null;
  });
  const failure = await failureOf(node.send('eth_sendRawTransaction', ['0x02']));
  assert.ok(isAppError(failure, 'chain-unavailable'), String(failure));
});

/** Writes blanks, which JSON may begin with, until the connection is closed. */
function writeBlanks(response: ServerResponse): void {
  const more = () => {
    while (response.write(' '.repeat(65_536)));
    response.once('drain', more);
  };
  more();
}

test('an answer without end, too long or too slow, is cut off', { timeout: 20_000 }, async () => {
  const drip = (response: ServerResponse) => {
    const dripping = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(dripping));
  };
  for (const [write, timeoutMs] of [
    [writeBlanks, NEVER_MS],
    [drip, 300],
  ] as const) {
    const cut = Promise.withResolvers<void>();
    const { node } = await nodeThat((_id, _method, response) => {
      response.once('close', cut.resolve);
      write(response);
      return null;
    }, timeoutMs);
    const failure = await failureOf(node.send('eth_gasPrice', []));
    assert.ok(isAppError(failure, 'chain-unavailable'), String(failure));
    await cut.promise;
  }
});

test('a packed answer is unpacked up to the limit', async () => {
  const packed = (length: number) => (id: number, _method: string, response: ServerResponse) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(`${' '.repeat(length)}${JSON.stringify({ jsonrpc: '2.0', id, result: '0x5' })}`));
    return null;
  };
  const small = await nodeThat(packed(1_000));
  assert.equal(await small.node.send('eth_gasPrice', []), '0x5');
  const large = await nodeThat(packed(ANSWER_BYTES_MAX));
  const failure = await failureOf(large.node.send('eth_gasPrice', []));
  assert.ok(isAppError(failure, 'chain-unavailable'), String(failure));
});

test('closing ends a query that is on its way, and no other one is sent', { timeout: 20_000 }, async () => {
  const { node, arrived, waiting } = await nodeThat(() => null);
  const query = failureOf(node.send('eth_gasPrice', []));
  await waiting;
  node.close();
  assert.ok(isAppError(await query, 'chain-unavailable'));
  assert.ok(isAppError(await failureOf(node.send('eth_gasPrice', [])), 'chain-unavailable'));
  assert.deepEqual(arrived, ['eth_chainId', 'eth_gasPrice']);
});

/**
 * Verifies: only what the chain itself refuses counts as its refusal; a node that can't or won't answer is an outage, and the
 *   next one is asked.
 * Setup: two nodes on loopback that answer each call with a chosen JSON-RPC error, in the words of real nodes.
 * Fails if: a payer is blamed for a rate limit or a fault of a public node, a revert passes for an outage, or a node's error
 *   keeps the next node from being asked.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { practiceNetwork } from '../../../main/adapters/anvil/index.ts';
import { connectNode } from '../../../main/adapters/ethers/index.ts';
import { ChainRefusal } from '../../../main/ports/evm.ts';
import { isAppError } from '../../../shared/errors.ts';

interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: string;
}

const CHAIN_ID = '0x7a69';
const CALL = { to: `0x${'1'.repeat(40)}`, data: '0x12345678' };
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A node of the practice chain that answers with this error, or with a result. */
async function nodeWith(answer: RpcError | string): Promise<string> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    request.on('end', () => {
      const { id, method } = JSON.parse(text);
      const result = method === 'eth_chainId' ? CHAIN_ID : answer;
      response.setHeader('content-type', 'application/json');
      const content = typeof result === 'string' ? { result } : { error: result };
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...content }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function asked(method: string, answer: RpcError, next?: string): Promise<unknown> {
  const fallbackRpcUrls = next === undefined ? [] : [await nodeWith(next)];
  const node = connectNode({ ...practiceNetwork(await nodeWith(answer)), fallbackRpcUrls });
  closing.push(() => node.close());
  const parameters = method === 'eth_sendRawTransaction' ? ['0x02'] : [CALL, 'latest'];
  return node.send(method, parameters).catch((error: unknown) => error);
}

const OUTAGES: readonly RpcError[] = [
  { code: -32_005, message: 'limit exceeded' },
  { code: -32_603, message: 'internal error' },
  { code: -32_000, message: 'header not found' },
  { code: -32_000, message: 'missing trie node 1234 (path )' },
  { code: -32_000, message: 'execution aborted (timeout = 5s)' },
  { code: -32_601, message: 'the method is not available' },
  { code: 429, message: 'Too many requests' },
];

const REFUSED: readonly (readonly [string, RpcError])[] = [
  ['eth_call', { code: 3, message: 'execution reverted: no money', data: '0x' }],
  ['eth_call', { code: 3, message: 'failed' }],
  ['eth_call', { code: -32_015, message: 'VM execution error.' }],
  ['eth_call', { code: -32_000, message: 'failed', data: `0x08c379a0${'0'.repeat(64)}` }],
  ['eth_estimateGas', { code: -32_000, message: 'gas required exceeds allowance (1000)' }],
  ['eth_sendRawTransaction', { code: -32_000, message: 'nonce too low: next nonce 5, tx nonce 4' }],
  ['eth_sendRawTransaction', { code: -32_000, message: 'replacement transaction underpriced' }],
  ['eth_sendRawTransaction', { code: -32_000, message: 'already known' }],
  ['eth_sendRawTransaction', { code: -32_000, message: 'max fee per gas less than block base fee' }],
  ['eth_sendRawTransaction', { code: -32_000, message: 'intrinsic gas too low' }],
];

test('an error of the node itself is an outage, and the next node is asked', async () => {
  for (const error of OUTAGES) {
    for (const method of ['eth_call', 'eth_estimateGas', 'eth_sendRawTransaction']) {
      const failure = await asked(method, error);
      assert.ok(isAppError(failure, 'chain-unavailable'), `${method}: ${error.message}: ${failure}`);
      assert.ok(failure.message.endsWith(error.message), failure.message);
      assert.equal(await asked(method, error, '0xabcd'), '0xabcd', `${method}: ${error.message}`);
    }
  }
});

test('a revert and an invalid transaction are refusals, whichever node answers next', async () => {
  for (const [method, error] of REFUSED) {
    const failure = await asked(method, error, '0xabcd');
    assert.ok(failure instanceof ChainRefusal, `${error.message}: ${failure}`);
    assert.equal(failure.message, `the chain refused: ${error.message}`);
  }
});

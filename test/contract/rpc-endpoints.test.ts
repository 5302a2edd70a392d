/**
 * Verifies: when a network has several nodes, no single node is trusted, and none is required.
 * Setup: one real chain behind proxies that return wrong values, are late, return garbage, are unavailable or serve
 * another chain.
 * Fails if: a balance or receipt comes from a single wrong node, settlement stops because one public node is down,
 * a node of another chain is accepted, or a node that never answers blocks for minutes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { amount } from '../../shared/money.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts } from './paid-service.ts';
import { type RpcProxy, startRpcProxy } from './rpc-proxy.ts';

/** Short, for the late node; long enough for a healthy one on a busy machine. */
const REQUEST_TIMEOUT_MS = 1_000;

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-endpoints-'));
let chain: PracticeChain;
const opened: { close(): unknown }[] = [];

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** A node over this many proxies of the same chain. */
async function over(count: number, confirmations = 1): Promise<{ node: ChainNode; proxies: RpcProxy[] }> {
  const proxies = await Promise.all(Array.from({ length: count }, () => startRpcProxy(chain.network.rpcUrl)));
  const [rpcUrl = '', ...fallbackRpcUrls] = proxies.map(({ url }) => url);
  const node = connectNode(
    { ...chain.network, rpcUrl, fallbackRpcUrls, confirmations },
    { requestTimeoutMs: REQUEST_TIMEOUT_MS },
  );
  opened.push(node, ...proxies);
  return { node, proxies };
}

async function rich() {
  const { funds } = await makeAccounts();
  await chain.fund(funds.address, amount(5_000));
  return funds;
}

/** A wrong node reports a fortune for every address. */
const FORTUNE = `0x${'0'.repeat(56)}ffffffff`;
const fortune = (method: string) => (method === 'eth_call' ? FORTUNE : undefined);

test('when the first node is down, late or returns garbage, the next one answers', async () => {
  const funds = await rich();
  for (const mode of ['away', 'late', 'garbage'] as const) {
    const { node, proxies } = await over(3);
    const [first] = proxies;
    if (first !== undefined) first.mode = mode;
    assert.equal((await readBalances(node, funds.address, systemClock)).token, 5_000n, mode);
    const before = first?.received.length;
    assert.ok(await node.send('eth_gasPrice', []));
    assert.equal(first?.received.length, before, 'a node that failed is queried last for a while');
  }
});

test('one wrong node of three is outvoted', async () => {
  const funds = await rich();
  const { node, proxies } = await over(3);
  const [liar] = proxies;
  if (liar !== undefined) liar.lie = fortune;
  assert.equal((await readBalances(node, funds.address, systemClock)).token, 5_000n);
});

test('when two nodes disagree, the balance is unknown', async () => {
  const funds = await rich();
  const { node, proxies } = await over(2);
  const [, liar] = proxies;
  if (liar !== undefined) liar.lie = fortune;
  assert.equal((await readBalances(node, funds.address, systemClock)).token, null);
  await assert.rejects(
    node.readContract({
      address: chain.network.token.address as `0x${string}`,
      abi: ['function balanceOf(address) view returns (uint256)'],
      functionName: 'balanceOf',
      args: [funds.address],
    }),
    { code: 'chain-mismatch' },
  );
});

test('one node of two is not enough for a balance, but enough for the gas price', async () => {
  const funds = await rich();
  const { node, proxies } = await over(2);
  const [first] = proxies;
  if (first !== undefined) first.mode = 'away';
  assert.equal((await readBalances(node, funds.address, systemClock)).token, null);
  await assert.rejects(node.height(), { code: 'chain-unavailable' });
  assert.ok(await node.send('eth_gasPrice', []));
});

test('a single node that the owner configured is trusted', async () => {
  const funds = await rich();
  const { node } = await over(1);
  assert.equal((await readBalances(node, funds.address, systemClock)).token, 5_000n);
});

test('a node of another chain is ignored; if all are, reads fail with chain-mismatch', async () => {
  const funds = await rich();
  const { node, proxies } = await over(3);
  const elsewhere = (method: string) => (method === 'eth_chainId' ? '0x2105' : undefined);
  const [first, ...others] = proxies;
  if (first !== undefined) first.lie = elsewhere;
  assert.equal((await readBalances(node, funds.address, systemClock)).token, 5_000n);
  assert.deepEqual(new Set(first?.received), new Set(['eth_chainId']), 'it received no other call');
  const { node: lost, proxies: all } = await over(others.length);
  for (const proxy of all) proxy.lie = elsewhere;
  await assert.rejects(lost.getCode({ address: funds.address }), { code: 'chain-mismatch' });
});

test('a node that is one block behind does not count as disagreeing', async () => {
  const funds = await rich();
  const { node, proxies } = await over(2);
  const late = Number(await node.height());
  await chain.fund(funds.address, amount(1));
  const behind = proxies[1];
  if (behind === undefined) throw new Error('two proxies');
  // It answers `latest` from the previous block.
  behind.lie = (method, result) => {
    if (method === 'eth_blockNumber') return `0x${late.toString(16)}`;
    return method === 'eth_call' && behind.received.filter((one) => one === 'eth_call').length === 1
      ? `0x${(5_000).toString(16).padStart(64, '0')}`
      : result;
  };
  assert.equal(
    (await readBalances(node, funds.address, systemClock)).token,
    5_000n,
    'as of their common block',
  );
});

test('a receipt that only one node has is not accepted', async () => {
  const funds = await rich();
  const { node, proxies } = await over(2);
  const sender = createSender(node, funds);
  const hash = await sender.sendTransaction({ to: funds.address, data: '0x' });
  assert.equal((await sender.waitForReceipt(hash)).status, 'success');
  const [liar] = proxies;
  if (liar === undefined) throw new Error('two proxies');
  liar.lie = (method, result) =>
    method === 'eth_getTransactionReceipt' ? { ...(result as object), status: '0x0' } : undefined;
  await assert.rejects(node.receipt(hash), { code: 'chain-mismatch' });
  liar.lie = (method) => (method === 'eth_getTransactionReceipt' ? null : undefined);
  assert.equal(await node.receipt(hash), null, 'a receipt that one of two nodes lacks counts as missing');
});

test('a transaction counts only after the network’s confirmations', async () => {
  const funds = await rich();
  const { node } = await over(1, 3);
  const sender = createSender(node, funds);
  const hash = await sender.sendTransaction({ to: funds.address, data: '0x' });
  await assert.rejects(sender.waitForReceipt(hash, 0), { code: 'chain-unavailable' });
  const waiting = sender.waitForReceipt(hash);
  await node.send('anvil_mine', ['0x2']);
  assert.equal((await waiting).status, 'success');
});

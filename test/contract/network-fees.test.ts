/**
 * Verifies: no node can make a sender pay an arbitrary network fee, and a transaction that is stuck is replaced with a
 * capped bump.
 * Setup: one real chain behind proxies that report invented tips and base fees.
 * Fails if: the fee of a transaction follows a single wrong node, exceeds the limit, or a transaction that pays too
 * little stays in the pool forever.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode, createSender } from '../../main/adapters/ethers/index.ts';
import type { Hex, UnsignedTransaction } from '../../main/ports/evm.ts';
import { amount } from '../../shared/money.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts } from './paid-service.ts';
import { type Lie, type RpcProxy, startRpcProxy } from './rpc-proxy.ts';

const GWEI = 10n ** 9n;
const COIN = 10n ** 18n;
/** A plain transfer uses 21,000 gas, so this tip alone costs 4.2 coins. */
const ABSURD_TIP = 200_000n * GWEI;
const PLAIN_GAS = 21_000n;

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-fees-'));
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

async function over(count: number): Promise<{ node: ChainNode; proxies: RpcProxy[] }> {
  const proxies = await Promise.all(Array.from({ length: count }, () => startRpcProxy(chain.network.rpcUrl)));
  const [rpcUrl = '', ...fallbackRpcUrls] = proxies.map(({ url }) => url);
  const node = connectNode({ ...chain.network, rpcUrl, fallbackRpcUrls });
  opened.push(node, ...proxies);
  return { node, proxies };
}

async function rich() {
  const { gas } = await makeAccounts();
  await chain.fund(gas.address, amount(0));
  return gas;
}

interface Block {
  readonly baseFeePerGas: string;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const absurdTip: Lie = (method) => (method === 'eth_maxPriorityFeePerGas' ? hex(ABSURD_TIP) : undefined);
const absurdBaseFee: Lie = (method, result) =>
  method === 'eth_getBlockByNumber' ? { ...(result as object), baseFeePerGas: hex(ABSURD_TIP) } : undefined;

async function paidFor(node: ChainNode): Promise<bigint> {
  const account = await rich();
  const sender = createSender(node, account);
  const hash = await sender.sendTransaction({ to: account.address, data: '0x' });
  return (await sender.waitForReceipt(hash)).fee;
}

test('with two nodes the lower tip and base fee count', async () => {
  for (const lie of [absurdTip, absurdBaseFee]) {
    for (const liar of [0, 1]) {
      const { node, proxies } = await over(2);
      const proxy = proxies[liar];
      if (proxy !== undefined) proxy.lie = lie;
      assert.ok((await paidFor(node)) <= PLAIN_GAS * 10n * GWEI, `node ${liar} lies`);
    }
  }
});

test('of three nodes one that lies is outvoted, too high or too low', async () => {
  const lowBaseFee: Lie = (method, result) =>
    method === 'eth_getBlockByNumber' ? { ...(result as object), baseFeePerGas: '0x0' } : undefined;
  const lowTip: Lie = (method) => (method === 'eth_maxPriorityFeePerGas' ? '0x0' : undefined);
  const honest = await over(1);
  for (const lie of [absurdTip, absurdBaseFee, lowBaseFee, lowTip]) {
    const { node, proxies } = await over(3);
    const [proxy] = proxies;
    if (proxy !== undefined) proxy.lie = lie;
    const account = await rich();
    const block = (await honest.node.send('eth_getBlockByNumber', ['latest', false])) as Block;
    const sent: UnsignedTransaction[] = [];
    await createSender(node, account).sendTransaction(
      { to: account.address, data: '0x' },
      { beforeBroadcast: (_, transaction) => sent.push(transaction) },
    );
    const [transaction] = sent;
    assert.ok(transaction !== undefined);
    assert.ok(transaction.maxFeePerGas > BigInt(block.baseFeePerGas) * 2n, 'sufficient for six full blocks');
    assert.ok(transaction.maxPriorityFeePerGas > 0n);
    assert.ok(transaction.maxFeePerGas <= 10n * GWEI);
  }
});

test('with a single node a tip far above the recent ones is not paid', async () => {
  const { node, proxies } = await over(1);
  const [proxy] = proxies;
  if (proxy !== undefined) proxy.lie = absurdTip;
  assert.ok((await paidFor(node)) <= PLAIN_GAS * 10n * GWEI);
});

test('a base fee that no chain can reach from its recent blocks is refused', async () => {
  const { node, proxies } = await over(1);
  const [proxy] = proxies;
  if (proxy !== undefined) proxy.lie = absurdBaseFee;
  await assert.rejects(paidFor(node), { code: 'chain-mismatch' });
  assert.ok(!proxy?.received.includes('eth_sendRawTransaction'), 'nothing was sent');
});

test('a fee above the limit is not paid even if the node is consistent', async () => {
  const { node, proxies } = await over(1);
  const [proxy] = proxies;
  const account = await rich();
  if (proxy !== undefined) {
    proxy.lie = (method, result) => {
      if (method !== 'eth_feeHistory') return absurdBaseFee(method, result);
      const history = result as { baseFeePerGas: string[] };
      return { ...history, baseFeePerGas: history.baseFeePerGas.map(() => hex(ABSURD_TIP)) };
    };
  }
  const sender = createSender(node, account, { feeMax: () => amount(COIN / 1_000n) });
  await assert.rejects(sender.sendTransaction({ to: account.address, data: '0x' }), {
    code: 'fee-too-high',
  });
  assert.ok(!proxy?.received.includes('eth_sendRawTransaction'), 'nothing was sent');
});

test('the signed maximum never exceeds the limit', async () => {
  const { node } = await over(1);
  const account = await rich();
  for (const feeMax of [COIN / 1_000n, COIN / 10_000n]) {
    const sent: UnsignedTransaction[] = [];
    const sender = createSender(node, account, { feeMax: () => amount(feeMax) });
    await sender.sendTransaction(
      { to: account.address, data: '0x' },
      { beforeBroadcast: (_, transaction) => sent.push(transaction) },
    );
    const [transaction] = sent;
    assert.ok(transaction !== undefined && transaction.gasLimit * transaction.maxFeePerGas <= feeMax);
  }
});

test('a stuck transaction is replaced with a higher fee, up to the limit', async () => {
  const { node } = await over(1);
  const account = await rich();
  const sender = createSender(node, account, { feeMax: () => amount(COIN / 1_000n) });
  await node.send('evm_setAutomine', [false]);
  try {
    const noted = new Map<Hex, UnsignedTransaction>();
    const beforeBroadcast = (hash: Hex, transaction: UnsignedTransaction) =>
      void noted.set(hash, transaction);
    const first = await sender.sendTransaction({ to: account.address, data: '0x' }, { beforeBroadcast });
    const before = noted.get(first);
    assert.ok(before !== undefined);
    const second = await sender.replace(before, { beforeBroadcast });
    assert.ok(second !== null && second !== first);
    const bumped = noted.get(second);
    assert.equal(bumped?.nonce, before.nonce);
    assert.ok(bumped !== undefined && bumped.maxFeePerGas * 8n >= before.maxFeePerGas * 9n);
    assert.ok(bumped.maxPriorityFeePerGas * 8n >= before.maxPriorityFeePerGas * 9n);
    const capped = createSender(node, account, {
      feeMax: () => amount(bumped.maxFeePerGas * bumped.gasLimit),
    });
    assert.equal(await capped.replace(bumped), null, 'the limit leaves no room for another one');
    await node.send('evm_mine', []);
    assert.equal((await sender.waitForReceipt(second)).status, 'success');
    assert.equal(await node.receipt(first), null);
  } finally {
    await node.send('evm_setAutomine', [true]);
  }
});

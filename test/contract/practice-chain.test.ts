/**
 * Verifies: the practice chain keeps its money across restarts, interferes with no other program, and ends with its
 * parent.
 * Setup: real chains in temporary folders; a child process that is killed without a chance to clean up.
 * Fails if: practice earnings are gone after a restart, anvil is left running, or a balance is 0 when no node answered.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  FAUCET_TOKEN,
  fundFromFaucet,
  practiceNetwork,
  startPracticeChain,
} from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { amount } from '../../shared/money.ts';
import { descendants, eventually } from '../agent/practice-agent.ts';
import { makeAccounts } from './paid-service.ts';

const root = mkdtempSync(join(tmpdir(), 'idlewatt-chain-'));
after(() => rmSync(root, { recursive: true }));

test('keeps money and contracts across a restart, even on another port', async () => {
  const folder = join(root, 'restart');
  const { funds, gas } = await makeAccounts();
  const first = await startPracticeChain({ folder });
  // Funding requires only the node's address.
  await fundFromFaucet(practiceNetwork(first.network.rpcUrl), funds.address);
  await first.fund(funds.address, amount(1));
  await first.stop();
  const second = await startPracticeChain({ folder });
  const node = connectNode(second.network);
  const balances = await readBalances(node, funds.address, systemClock);
  assert.equal(balances.token, FAUCET_TOKEN + 1n);
  assert.ok(balances.coin !== null && balances.coin > 0n);
  assert.deepEqual((await readBalances(node, gas.address, systemClock)).token, 0n);
  await second.stop();
});

test('a killed node loses no acknowledged transaction and restarts at the same address', async () => {
  const chain = await startPracticeChain({ folder: join(root, 'killed') });
  const { funds, gas } = await makeAccounts();
  await chain.fund(funds.address, amount(5));
  const node = connectNode(chain.network);
  const sender = createSender(node, funds);
  for (let round = 1; round <= 5; round += 1) {
    const hash = await sender.sendTransaction({ to: gas.address, data: '0x', value: 1n });
    const before = await sender.waitForReceipt(hash);
    for (const pid of descendants(process.pid, 'bin/anvil --host')) process.kill(pid, 'SIGKILL');
    const deadline = performance.now() + 10_000;
    for (;;) {
      const receipt = await node.receipt(hash).catch(() => 'away' as const);
      if (receipt !== 'away') {
        assert.deepEqual(receipt, before, 'the transaction is in the same block');
        break;
      }
      assert.ok(performance.now() < deadline, 'the node did not come back');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal((await readBalances(node, gas.address, systemClock)).coin, BigInt(round));
    assert.equal((await readBalances(node, funds.address, systemClock)).token, 5n);
  }
  await chain.stop();
});

test('its file stays small however many blocks there are, and keeps money and recent receipts', async (context) => {
  const folder = join(root, 'long');
  const file = join(folder, 'practice-chain.gz');
  const chain = await startPracticeChain({ folder, moreMethods: ['anvil_mine'] });
  context.after(() => chain.stop());
  const node = connectNode(chain.network);
  const { funds, gas } = await makeAccounts();
  await chain.fund(funds.address, amount(5));
  const sender = createSender(node, funds);
  const first = statSync(file).size;
  for (let round = 1; round <= 4; round += 1) {
    await node.send('anvil_mine', ['0x190']);
    const hash = await sender.sendTransaction({ to: gas.address, data: '0x', value: 1n });
    const receipt = await sender.waitForReceipt(hash);
    await node.send('anvil_mine', ['0x40']);
    assert.deepEqual(await node.receipt(hash), receipt, 'a recent receipt is still there');
    assert.ok(receipt.blockNumber > BigInt(round * 400));
    for (const pid of descendants(process.pid, 'bin/anvil --host')) process.kill(pid, 'SIGKILL');
    await eventually('the node is back', () => node.receipt(hash).catch(() => null));
    assert.equal((await readBalances(node, gas.address, systemClock)).coin, BigInt(round));
    assert.equal((await readBalances(node, funds.address, systemClock)).token, 5n);
  }
  // About 200 bytes for each of up to 528 empty blocks; 1,856 blocks take more than twice as much.
  assert.ok(statSync(file).size < first + 528 * 200, `${statSync(file).size} bytes, ${first} at first`);
});

test('a state of several megabytes is loaded again', async (context) => {
  const folder = join(root, 'large');
  const first = await startPracticeChain({ folder, moreMethods: ['anvil_setCode'] });
  const node = connectNode(first.network);
  const { funds } = await makeAccounts();
  await first.fund(funds.address, amount(5));
  for (let index = 0; index < 10; index += 1) {
    const address = `0x${(0xc0de00 + index).toString(16).padStart(40, '0')}`;
    await node.send('anvil_setCode', [address, `0x${randomBytes(200_000).toString('hex')}`]);
  }
  await first.stop();
  const second = await startPracticeChain({ folder });
  context.after(() => second.stop());
  const balances = await readBalances(connectNode(second.network), funds.address, systemClock);
  assert.equal(balances.token, 5n);
});

test('a balance is unknown, not zero, when no node answers', async () => {
  const chain = await startPracticeChain({ folder: join(root, 'gone') });
  const { funds } = await makeAccounts();
  await chain.stop();
  const balances = await readBalances(connectNode(chain.network), funds.address, systemClock);
  assert.deepEqual([balances.token, balances.coin], [null, null]);
});

test('rejects a node of another chain before it reads or sends anything', async () => {
  const chain = await startPracticeChain({ folder: join(root, 'other') });
  const elsewhere = connectNode({ ...chain.network, chainId: 8453, id: 'eip155:8453' });
  const { funds } = await makeAccounts();
  await assert.rejects(elsewhere.getCode({ address: funds.address }), { code: 'chain-mismatch' });
  const sender = createSender(elsewhere, funds);
  await assert.rejects(sender.sendTransaction({ to: funds.address, data: '0x' }), { code: 'chain-mismatch' });
  await chain.stop();
});

test('reports a port in use; concurrent transactions get their own nonces', async () => {
  const chain = await startPracticeChain({ folder: join(root, 'port') });
  const port = Number(new URL(chain.network.rpcUrl).port);
  await assert.rejects(startPracticeChain({ folder: join(root, 'port-2'), port }), { code: 'port-in-use' });
  const { funds, gas } = await makeAccounts();
  await chain.fund(funds.address, amount(0));
  const sender = createSender(connectNode(chain.network), funds);
  const hashes = await Promise.all(
    Array.from({ length: 10 }, () => sender.sendTransaction({ to: gas.address, data: '0x', value: 1n })),
  );
  const receipts = await Promise.all(hashes.map((hash) => sender.waitForReceipt(hash)));
  assert.ok(receipts.every((receipt) => receipt.status === 'success' && receipt.fee > 0n));
  const poor = createSender(connectNode(chain.network), gas);
  await assert.rejects(poor.sendTransaction({ to: funds.address, data: '0x', value: 10n ** 18n }), {
    code: 'insufficient-funds',
  });
  await chain.stop();
});

test('the chain ends when its parent is killed', async () => {
  const module = join(import.meta.dirname, '../../main/adapters/anvil/index.ts');
  const script = `
    const { startPracticeChain } = await import(${JSON.stringify(module)});
    const chain = await startPracticeChain({ folder: ${JSON.stringify(join(root, 'orphan'))} });
    console.log(chain.network.rpcUrl);
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const rpcUrl = await new Promise<string>((resolve) =>
    parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim())),
  );
  const node = connectNode(practiceNetwork(rpcUrl));
  assert.ok(await node.send('eth_blockNumber', []));
  parent.kill('SIGKILL');
  const gone = async (): Promise<boolean> => {
    try {
      await node.send('eth_blockNumber', []);
      return false;
    } catch {
      return true;
    }
  };
  const deadline = performance.now() + 10_000;
  while (!(await gone())) {
    assert.ok(performance.now() < deadline, 'anvil outlived its parent');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

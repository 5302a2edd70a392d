/**
 * Verifies: a transfer does exactly what its owner confirmed, or fails with a reason; nothing is sent twice and a
 * failure is never shown as a success.
 * Setup: the wallet's transfers on a real local chain whose mining is turned off and on, with a clock and a
 * confirmation controlled by the test; "restarts" open the same records again.
 * Fails if: a mistyped address is accepted, a fee spike is paid, a dropped, replaced or reverted transfer is shown as
 * done, a nonce is used twice after a crash, or a transfer is missing in the ledger.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { keccak256, toBeHex, Wallet, zeroPadValue } from 'ethers';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import {
  type ChainNode,
  connectNode,
  createSpendChain,
  readAddress,
} from '../../main/adapters/ethers/index.ts';
import { createSpending, type FinalTransaction, type WatchedSpending } from '../../main/core/wallet/index.ts';
import { SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import type { SpendChain } from '../../main/ports/spend-chain.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { AppError } from '../../shared/errors.ts';
import { type Amount, amount } from '../../shared/money.ts';
import { type ManualClock, manualClock } from '../fakes/clock.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../fakes/record-store.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts } from './paid-service.ts';

const HELD = amount(1_000_000);
const FEE_LIMIT = amount(10n ** 15n);

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-sending-'));
let chain: PracticeChain;
let node: ChainNode;

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  node = connectNode(chain.network);
});

after(async () => {
  node.close();
  await chain.stop();
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  await node.send('evm_setAutomine', [true]);
  await node.send('evm_mine', []);
});

interface Sender {
  readonly spending: WatchedSpending;
  readonly accounts: WalletAccounts;
  readonly clock: ManualClock;
  readonly store: MemoryRecordStore;
  /** Summaries that the owner was shown for confirmation. */
  readonly shown: SpendSummary[];
  readonly recorded: FinalTransaction[];
  /** The same wallet after a restart, with only the data on disk. */
  restarted(): Sender;
}

interface Setting {
  readonly approve?: () => Promise<void>;
  readonly feeLimit?: Amount;
  readonly chain?: Partial<SpendChain>;
}

async function openSender(setting: Setting = {}): Promise<Sender> {
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address, HELD);
  return open(accounts, createMemoryRecordStore(), setting);
}

function open(accounts: WalletAccounts, store: MemoryRecordStore, setting: Setting): Sender {
  const clock = manualClock(1_700_000_000_000);
  const shown: SpendSummary[] = [];
  const recorded: FinalTransaction[] = [];
  const spending = createSpending({
    account: accounts.funds,
    own: Object.values(accounts).map(({ address }) => address),
    chain: { ...createSpendChain(node), ...setting.chain },
    networkName: 'Practice',
    store,
    clock,
    readAddress,
    confirmations: {
      async ask(summary) {
        shown.push(summary);
        await setting.approve?.();
      },
    },
    feeLimit: setting.feeLimit ?? FEE_LIMIT,
    book: (transaction) => void recorded.push(transaction),
    onChange: () => undefined,
  });
  const restarted = () => open(accounts, createMemoryRecordStore(store.snapshot()), {});
  return { spending, accounts, clock, store, shown, recorded, restarted };
}

const stranger = () => Wallet.createRandom().address;

const mining = (on: boolean) => node.send('evm_setAutomine', [on]);

async function give({ spending }: Sender, to: string, sum = '1000', asset: 'token' | 'coin' = 'token') {
  const { id } = await spending.prepare({ asset, to, amount: sum, smallTest: false });
  return spending.send(id);
}

async function tokensOf(address: string): Promise<bigint> {
  return (await createSpendChain(node).held(address as `0x${string}`)).token;
}

test('a transfer arrives, costs no more than was shown, and is recorded once', async () => {
  const sender = await openSender();
  const to = stranger();
  const spend = await sender.spending.prepare({ asset: 'token', to, amount: '2500', smallTest: false });
  assert.deepEqual(spend.warnings, ['first-time']);
  assert.equal(spend.total, '2500');
  const sent = await sender.spending.send(spend.id);
  assert.equal(sent.state, 'mined');
  assert.equal(await tokensOf(to), 2_500n);
  assert.ok(BigInt(sent.fee ?? '0') > 0n && BigInt(sent.fee ?? '0') <= BigInt(spend.fee));
  await sender.spending.check();
  assert.deepEqual(
    sender.recorded.map(({ hash, left }) => ({ hash, left })),
    [{ hash: sent.hash as `0x${string}`, left: 2_500n }],
  );
  // The owner confirmed exactly the transfer that was sent.
  const [summary] = sender.shown;
  assert.deepEqual(
    [summary?.to, summary?.amount, summary?.fee, summary?.action],
    [to, '2500', spend.fee, 'send'],
  );
  assert.deepEqual(
    sender.spending.history(10).map(({ state }) => state),
    ['mined'],
  );
});

test('sending all of the token, and all of the coin minus the fee, leaves nothing to send', async () => {
  const sender = await openSender();
  const to = stranger();
  assert.equal((await give(sender, to, 'all')).state, 'mined');
  assert.equal(await tokensOf(to), HELD);
  const spend = await sender.spending.prepare({ asset: 'coin', to, amount: 'all', smallTest: false });
  const before = (await createSpendChain(node).held(sender.accounts.funds.address)).coin;
  assert.equal(BigInt(spend.amount) + BigInt(spend.fee), before);
  assert.equal(spend.total, before.toString());
  assert.equal((await sender.spending.send(spend.id)).state, 'mined');
  await assert.rejects(give(sender, to, '1', 'coin'), { code: 'insufficient-funds' });
});

test('rejects a mistyped address, one without checksum, zero and the token’s own, each with its reason', async () => {
  const sender = await openSender();
  const to = stranger();
  const letter = [...to].findIndex((character, index) => index > 1 && /[a-fA-F]/.test(character));
  const flip = (text: string) => (text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase());
  const mistyped = to.slice(0, letter) + flip(to.charAt(letter)) + to.slice(letter + 1);
  for (const [bad, reason] of [
    [mistyped, /checksum is wrong/],
    [to.toLowerCase(), /without its checksum/],
    [to.slice(0, -1), /not an address/],
    [`0x${'0'.repeat(40)}`, /zero address/],
    [chain.network.token.address, /token’s own contract/],
  ] as const) {
    await assert.rejects(give(sender, bad), (error: AppError) => {
      assert.equal(error.code, 'bad-request');
      assert.match(error.message, reason);
      return true;
    });
  }
  assert.deepEqual(sender.shown, []);
});

test('rejects amounts above the balance, zero and negative amounts, and a fee without coin', async () => {
  const sender = await openSender();
  const to = stranger();
  await assert.rejects(give(sender, to, (HELD + 1n).toString()), { code: 'insufficient-funds' });
  for (const sum of ['0', '-5']) await assert.rejects(give(sender, to, sum), { code: 'bad-request' });
  await mining(false);
  await give(sender, to, '900000');
  // A pending transfer's amount isn't available again.
  await assert.rejects(give(sender, to, '200000'), { code: 'insufficient-funds' });
  await mining(true);
  await node.send('evm_mine', []);
  await node.send('anvil_setBalance', [sender.accounts.funds.address, '0x1']);
  await assert.rejects(give(sender, to, '5'), (error: AppError) => {
    assert.equal(error.code, 'insufficient-funds');
    assert.match(error.message, /fee is paid in ETH/);
    return true;
  });
});

test('warns about contracts, own and new addresses; after a small test an address is no longer new', async () => {
  const sender = await openSender();
  const warnings = async (to: string, smallTest = false) =>
    (await sender.spending.prepare({ asset: 'token', to, amount: '50000', smallTest })).warnings;
  assert.deepEqual(await warnings(SETTLEMENT_ADDRESS), ['contract', 'first-time']);
  assert.deepEqual(await warnings(sender.accounts.gas.address), ['own-address']);
  const to = stranger();
  const spend = await sender.spending.prepare({ asset: 'token', to, amount: '50000', smallTest: true });
  assert.equal(spend.amount, '10000');
  await sender.spending.send(spend.id);
  assert.deepEqual(await warnings(to), []);
});

test('records only the fee of a transfer between own addresses', async () => {
  const sender = await openSender();
  await give(sender, sender.accounts.gas.address);
  assert.deepEqual(
    sender.recorded.map(({ left }) => left),
    [0n],
  );
  assert.ok((sender.recorded[0]?.fee ?? 0n) > 0n);
});

test('rejects a fee above the limit with its amount, before and after the confirmation', async () => {
  const limited = await openSender({ feeLimit: amount(1_000) });
  await assert.rejects(give(limited, stranger()), (error: AppError) => {
    assert.equal(error.code, 'fee-too-high');
    assert.match(error.message, /up to 0\.\d+ ETH .* limit is 0\.000000000000001/);
    return true;
  });
  const sender = await openSender({
    approve: async () => {
      await node.send('anvil_setNextBlockBaseFeePerGas', ['0x2540be40000']);
      await node.send('evm_mine', []);
    },
  });
  await assert.rejects(give(sender, stranger()), (error: AppError) => {
    assert.equal(error.code, 'fee-too-high');
    assert.match(error.message, /rose to 0\.\d+ ETH/);
    return true;
  });
  assert.deepEqual(sender.spending.history(5), []);
  await node.send('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00']);
  await node.send('evm_mine', []);
});

test('does not send what is declined, requested twice or expired', async () => {
  const declined = await openSender({
    approve: () => Promise.reject(new AppError('not-permitted', 'The owner declined it.')),
  });
  await assert.rejects(give(declined, stranger()), { code: 'not-permitted' });
  assert.deepEqual(declined.spending.history(5), []);
  const sender = await openSender();
  const request = { asset: 'token', to: stranger(), amount: '5', smallTest: false } as const;
  const once = await sender.spending.prepare(request);
  await sender.spending.send(once.id);
  await assert.rejects(sender.spending.send(once.id), { code: 'not-found' });
  const old = await sender.spending.prepare(request);
  sender.clock.advance(300_001);
  await assert.rejects(sender.spending.send(old.id), { code: 'not-found' });
  assert.equal(sender.spending.history(5).length, 1);
});

test('shows a reverted transfer as failed and records only its fee', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const { hash } = await give(sender, to);
  // The token's balances are its first mapping: sets the sender's to zero before the block is mined.
  const slot = keccak256(zeroPadValue(sender.accounts.funds.address, 32) + '0'.repeat(64));
  await node.send('anvil_setStorageAt', [chain.network.token.address, slot, toBeHex(0, 32)]);
  await node.send('evm_mine', []);
  await sender.spending.check();
  const [entry] = sender.spending.history(1);
  assert.equal(entry?.state, 'failed');
  assert.match(entry?.reason ?? '', /rejected the transfer/);
  assert.equal(await tokensOf(to), 0n);
  assert.deepEqual(
    sender.recorded.map(({ left }) => left),
    [0n],
  );
  assert.equal(sender.recorded[0]?.hash, hash);
});

test('speeds up a stuck transfer with the same nonce: one is mined, the other replaced', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const stuck = await give(sender, to);
  const faster = await sender.spending.speedUp(stuck.hash);
  assert.equal(faster.nonce, stuck.nonce);
  assert.ok(BigInt(faster.feeMax) * 1_000n >= BigInt(stuck.feeMax) * 1_125n);
  assert.equal(sender.shown.at(-1)?.action, 'speed-up');
  assert.equal(sender.shown.at(-1)?.replaces, stuck.hash);
  await node.send('evm_mine', []);
  await sender.spending.check();
  const states = new Map(sender.spending.history(5).map((entry) => [entry.hash, entry]));
  assert.equal(states.get(faster.hash)?.state, 'mined');
  assert.equal(states.get(stuck.hash)?.state, 'replaced');
  assert.equal(states.get(stuck.hash)?.replacedBy, faster.hash);
  assert.equal(await tokensOf(to), 1_000n);
  assert.equal(sender.recorded.length, 1);
  await assert.rejects(sender.spending.cancel(stuck.hash), { code: 'bad-request' });
});

test('cancels a stuck transfer: its nonce is used and nothing is sent', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const stuck = await give(sender, to);
  const cancelled = await sender.spending.cancel(stuck.hash);
  assert.deepEqual([cancelled.cancels, cancelled.amount, cancelled.nonce], [true, '0', stuck.nonce]);
  await node.send('evm_mine', []);
  await sender.spending.check();
  assert.equal(await tokensOf(to), 0n);
  assert.deepEqual(
    sender.recorded.map(({ left }) => left),
    [0n],
  );
  assert.equal(sender.spending.history(5).find(({ hash }) => hash === stuck.hash)?.state, 'replaced');
});

test('shows a transfer that the network lost as dropped, and can send it again', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const { hash } = await give(sender, to);
  await node.send('anvil_dropTransaction', [hash]);
  await sender.spending.check();
  assert.equal(sender.spending.history(1)[0]?.state, 'pending', 'the node may only be late');
  sender.clock.advance(60_000);
  await sender.spending.check();
  assert.equal(sender.spending.history(1)[0]?.state, 'dropped');
  assert.match(sender.spending.history(1)[0]?.reason ?? '', /Nothing was sent/);
  assert.deepEqual(sender.recorded, []);
  await mining(true);
  assert.equal((await sender.spending.speedUp(hash)).state, 'mined');
  assert.equal(await tokensOf(to), 1_000n);
  assert.equal(sender.spending.history(5).find((entry) => entry.hash === hash)?.state, 'replaced');
});

test('shows a transfer as replaced when its nonce was used elsewhere with the same key', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const { hash, nonce } = await give(sender, to);
  await node.send('anvil_dropTransaction', [hash]);
  const elsewhere = await sender.accounts.funds.signTransaction({
    chainId: chain.network.chainId,
    nonce,
    to: sender.accounts.gas.address,
    data: '0x',
    value: 1n,
    gasLimit: 21_000n,
    maxFeePerGas: 10n ** 11n,
    maxPriorityFeePerGas: 10n ** 9n,
  });
  await node.send('eth_sendRawTransaction', [elsewhere]);
  await node.send('evm_mine', []);
  await sender.spending.check();
  assert.equal(sender.spending.history(1)[0]?.state, 'pending', 'a node that is behind may lack its receipt');
  sender.clock.advance(10 * 60_000);
  await sender.spending.check();
  assert.equal(sender.spending.history(1)[0]?.state, 'replaced');
  assert.match(sender.spending.history(1)[0]?.reason ?? '', /from elsewhere/);
  assert.deepEqual(sender.recorded, []);
});

test('nonces stay in order across a restart with pending transfers', async () => {
  const sender = await openSender();
  await mining(false);
  const to = stranger();
  const first = await give(sender, to);
  const again = sender.restarted();
  const [second, third] = await Promise.all([give(again, to), give(again, to)]);
  assert.deepEqual([second.nonce, third.nonce].sort(), [first.nonce + 1, first.nonce + 2]);
  await node.send('evm_mine', []);
  await again.spending.check();
  assert.deepEqual(
    again.spending.history(5).map(({ state }) => state),
    ['mined', 'mined', 'mined'],
  );
  assert.equal(await tokensOf(to), 3_000n);
});

test('after a crash between recording and broadcast, the same transfer is sent later, once', async () => {
  let away = true;
  const real = createSpendChain(node);
  const sender = await openSender({
    chain: {
      async broadcast(signed) {
        if (away) throw new AppError('chain-unavailable', 'The chain is unreachable.');
        return real.broadcast(signed);
      },
    },
  });
  const to = stranger();
  const sent = await give(sender, to).catch((error: Error) => error);
  assert.ok(!(sent instanceof Error), 'the transfer is accepted');
  assert.equal(sent.state, 'pending');
  assert.equal(await tokensOf(to), 0n);
  away = false;
  const again = sender.restarted();
  await again.spending.check();
  await again.spending.check();
  assert.deepEqual(
    again.spending.history(5).map(({ state, hash }) => [state, hash]),
    [['mined', sent.hash]],
  );
  assert.equal(await tokensOf(to), 1_000n);
});

test('shows a transfer that the node rejects as dropped, with the reason', async () => {
  const sender = await openSender({
    chain: {
      broadcast: () =>
        Promise.reject(new AppError('bad-request', 'The chain rejected the transaction: nonce too low')),
    },
  });
  await assert.rejects(give(sender, stranger()), { code: 'bad-request' });
  const [entry] = sender.spending.history(1);
  assert.deepEqual(
    [entry?.state, entry?.reason],
    ['dropped', 'The chain rejected the transaction: nonce too low'],
  );
});

test('nothing is signed for a node of another chain', async () => {
  const other = connectNode({ ...chain.network, id: 'eip155:1', chainId: 1 });
  const sender = await openSender({ chain: createSpendChain(other) });
  await assert.rejects(give(sender, stranger()), { code: 'chain-mismatch' });
  assert.deepEqual(sender.shown, []);
  other.close();
});

test('a watch-only wallet cannot prepare a transfer', async () => {
  const { accounts } = await openSender();
  const clock = manualClock(0);
  const spending = createSpending({
    account: null,
    own: [accounts.funds.address],
    chain: createSpendChain(node),
    networkName: 'Practice',
    store: createMemoryRecordStore(),
    clock,
    readAddress,
    confirmations: { ask: async () => undefined },
    feeLimit: FEE_LIMIT,
    book: () => undefined,
    onChange: () => undefined,
  });
  const request = { asset: 'token', to: stranger(), amount: '5', smallTest: false } as const;
  await assert.rejects(spending.prepare(request), { code: 'unsupported' });
});

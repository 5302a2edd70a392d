/**
 * Verifies: the contract never pays out more than was deposited, nor more to a receiver than the highest voucher.
 * Setup: our artifacts on a local chain, called directly; channel IDs compared with x402's own; the artifacts
 * compared with a fresh compilation. Random sequences against a model: settlement-properties.test.ts.
 * Fails if: a voucher or deposit can be replayed, a withdrawal ends early, or artifacts differ from the sources.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AbiCoder } from 'ethers';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode } from '../../main/adapters/ethers/index.ts';
import { ERC3009_COLLECTOR_ADDRESS } from '../../main/ports/contracts.ts';
import { compileContracts } from '../../scripts/generators/compile-contracts.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { type ContractDriver, DELAY_SECONDS, driveContract, MINTED } from './contract-driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-contract-'));
let chain: PracticeChain;
let node: ChainNode;
let on: ContractDriver;

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  node = connectNode(chain.network);
  on = driveContract(chain, node);
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** Transfers nothing itself: it makes a second deposit during the first, so that both might be counted. */
const ADVERSARY = `
  pragma solidity ^0.8.28;
  import {BatchSettlement} from "BatchSettlement.sol";
  contract ReentrantCollector {
    function collect(address, address, uint256 amount, bytes32, bytes calldata data) external {
      (BatchSettlement.ChannelConfig memory config, address collector, bytes memory inner) =
        abi.decode(data, (BatchSettlement.ChannelConfig, address, bytes));
      BatchSettlement(msg.sender).deposit(config, uint128(amount), collector, inner);
    }
  }`;
let compiled: ReadonlyMap<string, string>;

before(() => {
  compiled = compileContracts({ 'ReentrantCollector.sol': ADVERSARY });
});

test('the artifacts match the compiled sources', () => {
  for (const [contract, text] of compiled) {
    if (contract === 'ReentrantCollector') continue;
    const path = join(import.meta.dirname, '../../contracts/artifacts', `${contract}.json`);
    assert.equal(readFileSync(path, 'utf8'), text, `${contract}: run scripts/compile-contracts.ts`);
  }
});

test('the contract computes the same channel ID as x402’s library', async () => {
  const channel = on.config(await on.party());
  assert.equal(await on.read('getChannelId', [channel]), on.idOf(channel));
});

test('a channel pays its highest voucher once and refunds the rest', async (context) => {
  const party = await on.party();
  const channel = on.config(party);
  const gas = { deposit: await on.deposit(party, channel, 10_000n, 1n), claim: 0n, settle: 0n };
  gas.claim = await on.claim(party, [{ channel, max: 4_000n, total: 3_000n }]);
  await on.claim(party, [{ channel, max: 4_000n, total: 3_000n }]);
  gas.settle = await on.settle(party);
  assert.equal(await on.tokenOf(party.receiver.funds.address), 3_000n);
  await on.settle(party);
  assert.equal(await on.tokenOf(party.receiver.funds.address), 3_000n, 'nothing was left to pay out');
  await on.refund(party, channel, 100_000n, 0n);
  assert.equal(await on.tokenOf(party.payer.funds.address), MINTED - 3_000n);
  await assert.rejects(on.refund(party, channel, 1n, 0n), 'a refund’s signature is used once');
  context.diagnostic(`gas: deposit ${gas.deposit}, claim ${gas.claim}, settle ${gas.settle}`);
});

test('rejects claims that exceed voucher or deposit or have a wrong signer, with their whole batch', async () => {
  const party = await on.party();
  const channel = on.config(party);
  const second = on.config(party, 2n);
  await on.deposit(party, channel, 1_000n, 1n);
  await on.deposit(party, second, 1_000n, 2n);
  await assert.rejects(on.claim(party, [{ channel, max: 500n, total: 501n }]), 'more than the voucher');
  await assert.rejects(on.claim(party, [{ channel, max: 2_000n, total: 1_001n }]), 'more than the deposit');
  await assert.rejects(
    on.claim(party, [{ channel, max: 500n, total: 500n, signer: party.payer.gas }]),
    'signed by another key',
  );
  await assert.rejects(
    on.claim(party, [
      { channel, max: 500n, total: 500n },
      { channel: second, max: 5_000n, total: 5_000n },
    ]),
  );
  assert.deepEqual([...((await on.read('channels', [on.idOf(channel)])) as bigint[])], [1_000n, 0n]);
  await on.claim(party, [
    { channel, max: 500n, total: 500n },
    { channel: second, max: 700n, total: 700n },
  ]);
  await on.settle(party);
  assert.equal(await on.tokenOf(party.receiver.funds.address), 1_200n);
});

test('a deposit’s signature funds only its own channel, once', async () => {
  const party = await on.party();
  const channel = on.config(party);
  const data = await on.depositData(party.payer.funds, channel, 1_000n, 7n);
  await on.send(party.asAnybody, 'deposit', [channel, 1_000n, ERC3009_COLLECTOR_ADDRESS, data]);
  await assert.rejects(
    on.send(party.asAnybody, 'deposit', [channel, 1_000n, ERC3009_COLLECTOR_ADDRESS, data]),
  );
  await assert.rejects(
    on.send(party.asAnybody, 'deposit', [on.config(party, 2n), 1_000n, ERC3009_COLLECTOR_ADDRESS, data]),
  );
  const more = await on.depositData(party.payer.funds, channel, 1_000n, 8n);
  await assert.rejects(
    on.send(party.asAnybody, 'deposit', [channel, 2_000n, ERC3009_COLLECTOR_ADDRESS, more]),
  );
  await assert.rejects(
    on.send(party.asAnybody, 'deposit', [
      { ...channel, withdrawDelay: 899 },
      1n,
      ERC3009_COLLECTOR_ADDRESS,
      more,
    ]),
  );
});

test('a collector that deposits reentrantly is not credited twice', async () => {
  const party = await on.party();
  const channel = on.config(party);
  const other = on.config(party, 2n);
  const adversary = '0x00000000000000000000000000000000000bad01';
  const { deployedBytecode } = JSON.parse(compiled.get('ReentrantCollector') ?? '{}');
  await node.send('anvil_setCode', [adversary, deployedBytecode]);
  const inner = await on.depositData(party.payer.funds, other, 1_000n, 1n);
  const data = AbiCoder.defaultAbiCoder().encode(
    ['tuple(address,address,address,address,address,uint40,bytes32)', 'address', 'bytes'],
    [Object.values(other), ERC3009_COLLECTOR_ADDRESS, inner],
  );
  await assert.rejects(on.send(party.asAnybody, 'deposit', [channel, 1_000n, adversary, data]));
  for (const each of [channel, other]) {
    const held = (await on.read('channels', [on.idOf(each)])) as readonly bigint[];
    assert.deepEqual([...held], [0n, 0n]);
  }
  // The same signature is valid for the deposit that it was made for.
  await on.send(party.asAnybody, 'deposit', [other, 1_000n, ERC3009_COLLECTOR_ADDRESS, inner]);
});

test('only the payer starts a withdrawal, and claims have priority until it ends', async () => {
  const party = await on.party();
  const channel = on.config(party);
  await on.deposit(party, channel, 1_000n, 1n);
  await assert.rejects(on.send(party.asAnybody, 'initiateWithdraw', [channel, 1_000n]));
  await on.send(party.asPayer, 'initiateWithdraw', [channel, 1_000n]);
  await assert.rejects(on.send(party.asPayer, 'initiateWithdraw', [channel, 1_000n]), 'one at a time');
  await assert.rejects(on.send(party.asPayer, 'finalizeWithdraw', [channel]), 'too early');
  await on.claim(party, [{ channel, max: 600n, total: 600n }]);
  await node.send('evm_increaseTime', [DELAY_SECONDS + 1]);
  await assert.rejects(on.send(party.asAnybody, 'finalizeWithdraw', [channel]), 'another sender');
  await on.send(party.asPayer, 'finalizeWithdraw', [channel]);
  assert.equal(await on.tokenOf(party.payer.funds.address), MINTED - 600n);
  await assert.rejects(on.send(party.asPayer, 'finalizeWithdraw', [channel]), 'only once');
  await on.settle(party);
  assert.equal(await on.tokenOf(party.receiver.funds.address), 600n);
});

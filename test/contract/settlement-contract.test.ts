/**
 * Goal: the contract never pays out more than was deposited, nor to a receiver more than the highest voucher.
 * Method: our artifacts on a local chain, driven directly; ids compared with x402's own; the artifacts compared
 * with a fresh compilation. Random sequences against a model: settlement-properties.test.ts.
 * Would break: a voucher or deposit replayed, a withdrawal before its time, artifacts that are not the source's.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AbiCoder } from 'ethers';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode } from '../../main/adapters/ethers/index.ts';
import { compileContracts } from '../../scripts/generators/compile-contracts.ts';
import { COLLECTOR, type ContractDriver, DELAY_SECONDS, driveContract, MINTED } from './contract-driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-contract-'));
let chain: PracticeChain;
let node: ChainNode;
let on: ContractDriver;

before(async () => {
  chain = await startPracticeChain({ folder });
  node = connectNode(chain.network);
  on = driveContract(chain, node);
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** Brings nothing itself: it makes a second deposit meanwhile and hopes that both are counted. */
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

test('the artifacts are what the sources compile to', () => {
  for (const [contract, text] of compiled) {
    if (contract === 'ReentrantCollector') continue;
    const path = join(import.meta.dirname, '../../contracts/artifacts', `${contract}.json`);
    assert.equal(readFileSync(path, 'utf8'), text, `${contract}: run scripts/generators/compile-contracts.ts`);
  }
});

test('the contract computes the same channel id as the standard’s library', async () => {
  const channel = on.config(await on.party());
  assert.equal(await on.read('getChannelId', [channel]), on.idOf(channel));
});

test('a channel pays its highest voucher once, the rest goes back', async (context) => {
  const who = await on.party();
  const channel = on.config(who);
  const gas = { deposit: await on.deposit(who, channel, 10_000n, 1n), claim: 0n, settle: 0n };
  gas.claim = await on.claim(who, [{ channel, max: 4_000n, total: 3_000n }]);
  await on.claim(who, [{ channel, max: 4_000n, total: 3_000n }]);
  gas.settle = await on.settle(who);
  assert.equal(await on.tokenOf(who.receiver.funds.address), 3_000n);
  await on.settle(who);
  assert.equal(await on.tokenOf(who.receiver.funds.address), 3_000n, 'nothing was left to pay out');
  await on.refund(who, channel, 100_000n, 0n);
  assert.equal(await on.tokenOf(who.payer.funds.address), MINTED - 3_000n);
  await assert.rejects(on.refund(who, channel, 1n, 0n), 'a refund’s signature is used once');
  context.diagnostic(`gas: deposit ${gas.deposit}, claim ${gas.claim}, settle ${gas.settle}`);
});

test('claims beyond voucher, deposit or signer are refused, and one of them refuses the batch', async () => {
  const who = await on.party();
  const channel = on.config(who);
  const second = on.config(who, 2n);
  await on.deposit(who, channel, 1_000n, 1n);
  await on.deposit(who, second, 1_000n, 2n);
  await assert.rejects(on.claim(who, [{ channel, max: 500n, total: 501n }]), 'more than the voucher');
  await assert.rejects(on.claim(who, [{ channel, max: 2_000n, total: 1_001n }]), 'more than the deposit');
  await assert.rejects(
    on.claim(who, [{ channel, max: 500n, total: 500n, signer: who.payer.gas }]),
    'signed by another key',
  );
  await assert.rejects(
    on.claim(who, [
      { channel, max: 500n, total: 500n },
      { channel: second, max: 5_000n, total: 5_000n },
    ]),
  );
  assert.deepEqual([...((await on.read('channels', [on.idOf(channel)])) as bigint[])], [1_000n, 0n]);
  await on.claim(who, [
    { channel, max: 500n, total: 500n },
    { channel: second, max: 700n, total: 700n },
  ]);
  await on.settle(who);
  assert.equal(await on.tokenOf(who.receiver.funds.address), 1_200n);
});

test('a deposit’s signature funds its own channel once and no other', async () => {
  const who = await on.party();
  const channel = on.config(who);
  const data = await on.depositData(who.payer.funds, channel, 1_000n, 7n);
  await on.send(who.asAnybody, 'deposit', [channel, 1_000n, COLLECTOR, data]);
  await assert.rejects(on.send(who.asAnybody, 'deposit', [channel, 1_000n, COLLECTOR, data]));
  await assert.rejects(on.send(who.asAnybody, 'deposit', [on.config(who, 2n), 1_000n, COLLECTOR, data]));
  const more = await on.depositData(who.payer.funds, channel, 1_000n, 8n);
  await assert.rejects(on.send(who.asAnybody, 'deposit', [channel, 2_000n, COLLECTOR, more]));
  await assert.rejects(
    on.send(who.asAnybody, 'deposit', [{ ...channel, withdrawDelay: 899 }, 1n, COLLECTOR, more]),
  );
});

test('a collector that deposits behind the contract’s back gets nothing counted twice', async () => {
  const who = await on.party();
  const channel = on.config(who);
  const other = on.config(who, 2n);
  const adversary = '0x00000000000000000000000000000000000bad01';
  const { deployedBytecode } = JSON.parse(compiled.get('ReentrantCollector') ?? '{}');
  await node.send('anvil_setCode', [adversary, deployedBytecode]);
  const inner = await on.depositData(who.payer.funds, other, 1_000n, 1n);
  const data = AbiCoder.defaultAbiCoder().encode(
    ['tuple(address,address,address,address,address,uint40,bytes32)', 'address', 'bytes'],
    [Object.values(other), COLLECTOR, inner],
  );
  await assert.rejects(on.send(who.asAnybody, 'deposit', [channel, 1_000n, adversary, data]));
  for (const each of [channel, other]) {
    const held = (await on.read('channels', [on.idOf(each)])) as readonly bigint[];
    assert.deepEqual([...held], [0n, 0n]);
  }
  // The same signature is good for the deposit that it was made for.
  await on.send(who.asAnybody, 'deposit', [other, 1_000n, COLLECTOR, inner]);
});

test('only the payer starts a withdrawal, and claims until its end come first', async () => {
  const who = await on.party();
  const channel = on.config(who);
  await on.deposit(who, channel, 1_000n, 1n);
  await assert.rejects(on.send(who.asAnybody, 'initiateWithdraw', [channel, 1_000n]));
  await on.send(who.asPayer, 'initiateWithdraw', [channel, 1_000n]);
  await assert.rejects(on.send(who.asPayer, 'initiateWithdraw', [channel, 1_000n]), 'one at a time');
  await assert.rejects(on.send(who.asPayer, 'finalizeWithdraw', [channel]), 'too early');
  await on.claim(who, [{ channel, max: 600n, total: 600n }]);
  await node.send('evm_increaseTime', [DELAY_SECONDS + 1]);
  await assert.rejects(on.send(who.asAnybody, 'finalizeWithdraw', [channel]), 'nobody else');
  await on.send(who.asPayer, 'finalizeWithdraw', [channel]);
  assert.equal(await on.tokenOf(who.payer.funds.address), MINTED - 600n);
  await assert.rejects(on.send(who.asPayer, 'finalizeWithdraw', [channel]), 'only once');
  await on.settle(who);
  assert.equal(await on.tokenOf(who.receiver.funds.address), 600n);
});

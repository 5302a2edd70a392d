/**
 * Verifies: in the test USDC and our Permit2, a signature moves exactly the named amount, once, within its time.
 * Setup: on a local chain, every signed call in both forms, then replayed, tampered with, late, early and canceled.
 * Fails if: deposits by signature break, or any property of the settlement contract that depends on its token.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AbiCoder, Signature, toBeHex } from 'ethers';
import permit2Artifact from '../../contracts/artifacts/Permit2.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode } from '../../main/adapters/ethers/index.ts';
import { PERMIT2_ADDRESS, PERMIT2_COLLECTOR_ADDRESS } from '../../main/ports/contracts.ts';
import type { Account, ChainSender, Hex } from '../../main/ports/evm.ts';
import { type ContractDriver, driveContract, MINTED } from './contract-driver.ts';
import { FOREVER } from './contract-signatures.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-token-'));
let chain: PracticeChain;
let node: ChainNode;
let on: ContractDriver;
let token: Hex;

before(async () => {
  chain = await startPracticeChain({ folder });
  node = connectNode(chain.network);
  on = driveContract(chain, node);
  token = chain.network.token.address as Hex;
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

async function send(
  sender: ChainSender,
  functionName: string,
  args: readonly unknown[],
  contract: { address: Hex; abi: readonly unknown[] } = { address: token, abi: tokenArtifact.abi },
): Promise<void> {
  const hash = await sender.writeContract({ ...contract, functionName, args });
  assert.equal((await sender.waitForReceipt(hash)).status, 'success');
}

function sign(signer: Account, primaryType: string, fields: string, message: Record<string, unknown>) {
  const types = fields.split(',').map((field) => {
    const [type, name] = field.split(' ');
    return { type, name };
  });
  const domain = { ...chain.network.token.eip712, chainId: chain.network.chainId, verifyingContract: token };
  return signer.signTypedData({ domain, types: { [primaryType]: types }, primaryType, message });
}

const AUTHORIZATION =
  'address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce';
const SELECTED = 'address,address,uint256,uint256,uint256,bytes32';
const refused = /the chain refused/;

test('an authorization moves its amount once, in both signature forms, and only within its time', async () => {
  const { payer, receiver, asAnybody } = await on.party();
  const from = payer.funds.address;
  const to = receiver.funds.address;
  const authorize = async (nonce: number, validAfter = 0n, validBefore = FOREVER) => {
    const args = [from, to, 100n, validAfter, validBefore, toBeHex(nonce, 32)];
    const [, , value] = args;
    const signature = await sign(payer.funds, 'TransferWithAuthorization', AUTHORIZATION, {
      from,
      to,
      value,
      validAfter,
      validBefore,
      nonce: args[5],
    });
    return { args, signature };
  };
  const joined = `transferWithAuthorization(${SELECTED},bytes)`;
  const split = `transferWithAuthorization(${SELECTED},uint8,bytes32,bytes32)`;
  const first = await authorize(1);
  await send(asAnybody, joined, [...first.args, first.signature]);
  await assert.rejects(send(asAnybody, joined, [...first.args, first.signature]), refused, 'once');
  const second = await authorize(2);
  const { v, r, s } = Signature.from(second.signature);
  await assert.rejects(send(asAnybody, split, [from, to, 101n, ...second.args.slice(3), v, r, s]), refused);
  await send(asAnybody, split, [...second.args, v, r, s]);
  const late = await authorize(3, 0n, 1n);
  await assert.rejects(send(asAnybody, joined, [...late.args, late.signature]), refused, 'expired');
  const early = await authorize(4, FOREVER - 1n);
  await assert.rejects(send(asAnybody, joined, [...early.args, early.signature]), refused, 'not yet');
  assert.equal(await on.tokenOf(to), 200n);
  assert.equal(await on.tokenOf(from), MINTED - 200n);
});

test('only the receiver may use a receive authorization, and the signature is valid for no other call', async () => {
  const { payer, receiver, asAnybody, asPayer } = await on.party();
  const args = [payer.funds.address, payer.gas.address, 50n, 0n, FOREVER, toBeHex(9, 32)];
  const [from, to, value, validAfter, validBefore, nonce] = args;
  const signature = await sign(payer.funds, 'ReceiveWithAuthorization', AUTHORIZATION, {
    from,
    to,
    value,
    validAfter,
    validBefore,
    nonce,
  });
  const receive = `receiveWithAuthorization(${SELECTED},bytes)`;
  await assert.rejects(send(asPayer, receive, [...args, signature]), refused, 'another sender');
  const transfer = `transferWithAuthorization(${SELECTED},bytes)`;
  await assert.rejects(send(asAnybody, transfer, [...args, signature]), refused, 'signed for receiving');
  const { v, r, s } = Signature.from(signature);
  await send(asAnybody, `receiveWithAuthorization(${SELECTED},uint8,bytes32,bytes32)`, [...args, v, r, s]);
  assert.equal(await on.tokenOf(payer.gas.address), 50n);
  assert.equal(await on.tokenOf(receiver.funds.address), 0n);
});

test('a canceled authorization is invalid; only its signer may cancel it', async () => {
  const { payer, asAnybody, receiver } = await on.party();
  const { address } = payer.funds;
  const cancel = (signer: Account, nonce: string) =>
    sign(signer, 'CancelAuthorization', 'address authorizer,bytes32 nonce', { authorizer: address, nonce });
  const nonces = [toBeHex(1, 32), toBeHex(2, 32)] as const;
  const joined = 'cancelAuthorization(address,bytes32,bytes)';
  const forged = await cancel(receiver.funds, nonces[0]);
  await assert.rejects(send(asAnybody, joined, [address, nonces[0], forged]), refused);
  await send(asAnybody, joined, [address, nonces[0], await cancel(payer.funds, nonces[0])]);
  const { v, r, s } = Signature.from(await cancel(payer.funds, nonces[1]));
  await send(asAnybody, 'cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)', [
    address,
    nonces[1],
    v,
    r,
    s,
  ]);
  for (const nonce of nonces) {
    const message = {
      from: address,
      to: payer.gas.address,
      value: 1n,
      validAfter: 0n,
      validBefore: FOREVER,
      nonce,
    };
    const signature = await sign(payer.funds, 'TransferWithAuthorization', AUTHORIZATION, message);
    const call = send(asAnybody, `transferWithAuthorization(${SELECTED},bytes)`, [
      ...Object.values(message),
      signature,
    ]);
    await assert.rejects(call, refused);
  }
});

const PERMIT = 'address owner,address spender,uint256 value,uint256 nonce,uint256 deadline';

test('a permit allows its amount once, in both forms, in the order of its nonces', async () => {
  const { payer, asAnybody, receiver } = await on.party();
  const owner = payer.funds.address;
  const spender = payer.gas.address;
  const permit = (value: bigint, nonce: bigint, deadline = FOREVER) =>
    sign(payer.funds, 'Permit', PERMIT, { owner, spender, value, nonce, deadline });
  const joined = 'permit(address,address,uint256,uint256,bytes)';
  const first = await permit(70n, 0n);
  await assert.rejects(send(asAnybody, joined, [owner, spender, 71n, FOREVER, first]), refused);
  await assert.rejects(
    send(asAnybody, joined, [owner, spender, 70n, 1n, await permit(70n, 0n, 1n)]),
    refused,
  );
  await send(asAnybody, joined, [owner, spender, 70n, FOREVER, first]);
  await assert.rejects(send(asAnybody, joined, [owner, spender, 70n, FOREVER, first]), refused, 'once');
  await send(asAnybody, 'transferFrom', [owner, receiver.funds.address, 70n]);
  await assert.rejects(send(asAnybody, 'transferFrom', [owner, receiver.funds.address, 1n]), refused);
  const { v, r, s } = Signature.from(await permit(5n, 1n));
  const split = 'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)';
  await send(asAnybody, split, [owner, spender, 5n, FOREVER, v, r, s]);
  await send(asAnybody, 'transferFrom', [owner, receiver.funds.address, 5n]);
  assert.equal(await on.tokenOf(receiver.funds.address), 75n);
});

test('a Permit2 deposit can include its permit, is valid once, and can be invalidated before', async () => {
  const party = await on.party();
  const channel = on.config(party);
  const owner = party.payer.funds.address;
  const deposit = (sum: bigint, data: string) =>
    on.send(party.asAnybody, 'deposit', [channel, sum, PERMIT2_COLLECTOR_ADDRESS, data]);
  const bare = await on.permit2Data(party.payer.funds, channel, { sum: 300n, nonce: 1n });
  await assert.rejects(deposit(300n, bare), refused, 'Permit2 may not move the token yet');
  const { v, r, s } = Signature.from(
    await sign(party.payer.funds, 'Permit', PERMIT, {
      owner,
      spender: PERMIT2_ADDRESS,
      value: 300n,
      nonce: 0n,
      deadline: FOREVER,
    }),
  );
  const permit = AbiCoder.defaultAbiCoder().encode(
    ['uint256', 'uint256', 'uint8', 'bytes32', 'bytes32'],
    [300n, FOREVER, v, r, s],
  );
  const data = await on.permit2Data(party.payer.funds, channel, { sum: 300n, nonce: 1n, permit });
  await assert.rejects(deposit(299n, data), refused, 'another amount');
  const other = on.config(party, 2n);
  await assert.rejects(
    on.send(party.asAnybody, 'deposit', [other, 300n, PERMIT2_COLLECTOR_ADDRESS, data]),
    refused,
  );
  await deposit(300n, data);
  await send(party.asPayer, 'approve', [PERMIT2_ADDRESS, 1_000n]);
  await assert.rejects(deposit(300n, data), refused, 'once');
  const contract = { address: PERMIT2_ADDRESS, abi: permit2Artifact.abi };
  await send(party.asPayer, 'invalidateUnorderedNonces', [0n, 1n << 2n], contract);
  await assert.rejects(
    deposit(5n, await on.permit2Data(party.payer.funds, channel, { sum: 5n, nonce: 2n })),
    refused,
  );
  await assert.rejects(
    deposit(5n, await on.permit2Data(party.receiver.funds, channel, { sum: 5n, nonce: 3n })),
    refused,
  );
  await deposit(5n, await on.permit2Data(party.payer.funds, channel, { sum: 5n, nonce: 2n ** 200n }));
  const [balance] = (await on.read('channels', [on.idOf(channel)])) as readonly bigint[];
  assert.equal(balance, 305n);
  assert.equal(await on.tokenOf(owner), MINTED - 305n);
});

/**
 * Goal: the contract never pays out more than was deposited, nor to a receiver more than the highest voucher.
 * Method: our artifacts on a local chain, driven directly; a property over random sequences against a model;
 * digests compared with x402's own; the artifacts compared with a fresh compilation.
 * Would break: a voucher or deposit replayed, a withdrawal before its time, artifacts that are not the source's.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AbiCoder, keccak256, toBeHex } from 'ethers';
import fc from 'fast-check';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode, createSender } from '../../main/adapters/ethers/index.ts';
import type { Account, ChainSender, Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { compileContracts } from '../../scripts/compile-contracts.ts';
import { amount } from '../../shared/money.ts';
import { makeAccounts } from './paid-service.ts';

const SETTLEMENT = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
const COLLECTOR = '0x4020806089470a89826cB9fB1f4059150b550004';
const DELAY_SECONDS = 900;
const MINTED = 1_000_000_000n;
const FOREVER = 2n ** 40n;

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-contract-'));
let chain: PracticeChain;
let node: ChainNode;

before(async () => {
  chain = await startPracticeChain({ folder });
  node = connectNode(chain.network);
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** One payer, one receiver and the channels between them. */
interface Party {
  readonly payer: WalletAccounts;
  readonly receiver: WalletAccounts;
  readonly asPayer: ChainSender;
  readonly asAnybody: ChainSender;
}

async function party(): Promise<Party> {
  const [payer, receiver] = await Promise.all([makeAccounts(), makeAccounts()]);
  await chain.fund(payer.funds.address, amount(MINTED));
  await chain.fund(payer.gas.address, amount(0));
  return {
    payer,
    receiver,
    asPayer: createSender(node, payer.funds),
    asAnybody: createSender(node, payer.gas),
  };
}

function config({ payer, receiver }: Party, salt = 1n) {
  return {
    payer: payer.funds.address,
    payerAuthorizer: payer.session.address,
    receiver: receiver.funds.address,
    receiverAuthorizer: receiver.session.address,
    token: chain.network.token.address as Hex,
    withdrawDelay: DELAY_SECONDS,
    salt: toBeHex(salt, 32) as Hex,
  };
}

type Config = ReturnType<typeof config>;

const idOf = (channel: Config): Hex => computeChannelId(channel, chain.network.id);

/** Sends; a refusal by the contract is an error, also when it comes only with the block. */
async function send(sender: ChainSender, functionName: string, args: readonly unknown[]): Promise<bigint> {
  const hash = await sender.writeContract({
    address: SETTLEMENT,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });
  const receipt = await sender.waitForReceipt(hash);
  assert.equal(receipt.status, 'success');
  return receipt.gasUsed;
}

const read = (functionName: string, args: readonly unknown[]) =>
  node.readContract({ address: SETTLEMENT, abi: settlementArtifact.abi, functionName, args });

const tokenOf = async (address: string): Promise<bigint> =>
  (await node.readContract({
    address: chain.network.token.address as Hex,
    abi: tokenArtifact.abi,
    functionName: 'balanceOf',
    args: [address],
  })) as bigint;

async function depositData(owner: Account, channel: Config, sum: bigint, salt: bigint): Promise<string> {
  const coder = AbiCoder.defaultAbiCoder();
  const nonce = keccak256(coder.encode(['bytes32', 'uint256'], [idOf(channel), salt]));
  const signature = await owner.signTypedData({
    domain: {
      ...chain.network.token.eip712,
      chainId: chain.network.chainId,
      verifyingContract: chain.network.token.address,
    },
    types: {
      ReceiveWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'ReceiveWithAuthorization',
    message: { from: owner.address, to: COLLECTOR, value: sum, validAfter: 0, validBefore: FOREVER, nonce },
  });
  return coder.encode(['uint256', 'uint256', 'uint256', 'bytes'], [0, FOREVER, salt, signature]);
}

async function deposit(who: Party, channel: Config, sum: bigint, salt: bigint): Promise<bigint> {
  const data = await depositData(who.payer.funds, channel, sum, salt);
  return send(who.asAnybody, 'deposit', [channel, sum, COLLECTOR, data]);
}

const domain = () => ({
  name: 'x402 Batch Settlement',
  version: '1',
  chainId: chain.network.chainId,
  verifyingContract: SETTLEMENT,
});

const signVoucher = (signer: Account, channel: Config, maxClaimableAmount: bigint) =>
  signer.signTypedData({
    domain: domain(),
    types: {
      Voucher: [
        { name: 'channelId', type: 'bytes32' },
        { name: 'maxClaimableAmount', type: 'uint128' },
      ],
    },
    primaryType: 'Voucher',
    message: { channelId: idOf(channel), maxClaimableAmount },
  });

async function claim(
  who: Party,
  rows: readonly { channel: Config; max: bigint; total: bigint; signer?: Account }[],
): Promise<bigint> {
  const claims = await Promise.all(
    rows.map(async ({ channel, max, total, signer }) => ({
      voucher: { channel, maxClaimableAmount: max },
      signature: await signVoucher(signer ?? who.payer.session, channel, max),
      totalClaimed: total,
    })),
  );
  const signature = await who.receiver.session.signTypedData({
    domain: domain(),
    types: {
      ClaimBatch: [{ name: 'claims', type: 'ClaimEntry[]' }],
      ClaimEntry: [
        { name: 'channelId', type: 'bytes32' },
        { name: 'maxClaimableAmount', type: 'uint128' },
        { name: 'totalClaimed', type: 'uint128' },
      ],
    },
    primaryType: 'ClaimBatch',
    message: {
      claims: rows.map(({ channel, max, total }) => ({
        channelId: idOf(channel),
        maxClaimableAmount: max,
        totalClaimed: total,
      })),
    },
  });
  return send(who.asAnybody, 'claimWithSignature', [claims, signature]);
}

async function refund(who: Party, channel: Config, sum: bigint, nonce: bigint): Promise<bigint> {
  const signature = await who.receiver.session.signTypedData({
    domain: domain(),
    types: {
      Refund: [
        { name: 'channelId', type: 'bytes32' },
        { name: 'nonce', type: 'uint256' },
        { name: 'amount', type: 'uint128' },
      ],
    },
    primaryType: 'Refund',
    message: { channelId: idOf(channel), nonce, amount: sum },
  });
  return send(who.asAnybody, 'refundWithSignature', [channel, sum, nonce, signature]);
}

const settle = (who: Party) =>
  send(who.asAnybody, 'settle', [who.receiver.funds.address, chain.network.token.address]);

test('the artifacts are what the sources compile to', () => {
  for (const [contract, text] of compileContracts()) {
    const path = join(import.meta.dirname, '../../contracts/artifacts', `${contract}.json`);
    assert.equal(readFileSync(path, 'utf8'), text, `${contract}: run scripts/compile-contracts.ts`);
  }
});

test('the contract computes the same channel id as the standard’s library', async () => {
  const channel = config(await party());
  assert.equal(await read('getChannelId', [channel]), idOf(channel));
});

test('a channel pays its highest voucher once, the rest goes back', async (context) => {
  const who = await party();
  const channel = config(who);
  const gas = { deposit: await deposit(who, channel, 10_000n, 1n), claim: 0n, settle: 0n };
  gas.claim = await claim(who, [{ channel, max: 4_000n, total: 3_000n }]);
  await claim(who, [{ channel, max: 4_000n, total: 3_000n }]);
  gas.settle = await settle(who);
  assert.equal(await tokenOf(who.receiver.funds.address), 3_000n);
  await assert.rejects(settle(who), 'nothing is left to pay out');
  await refund(who, channel, 100_000n, 0n);
  assert.equal(await tokenOf(who.payer.funds.address), MINTED - 3_000n);
  await assert.rejects(refund(who, channel, 1n, 0n), 'a refund’s signature is used once');
  context.diagnostic(`gas: deposit ${gas.deposit}, claim ${gas.claim}, settle ${gas.settle}`);
});

test('claims beyond voucher, deposit or signer are refused, and one of them refuses the batch', async () => {
  const who = await party();
  const channel = config(who);
  const second = config(who, 2n);
  await deposit(who, channel, 1_000n, 1n);
  await deposit(who, second, 1_000n, 2n);
  await assert.rejects(claim(who, [{ channel, max: 500n, total: 501n }]), 'more than the voucher');
  await assert.rejects(claim(who, [{ channel, max: 2_000n, total: 1_001n }]), 'more than the deposit');
  await assert.rejects(
    claim(who, [{ channel, max: 500n, total: 500n, signer: who.payer.gas }]),
    'signed by another key',
  );
  await assert.rejects(
    claim(who, [
      { channel, max: 500n, total: 500n },
      { channel: second, max: 5_000n, total: 5_000n },
    ]),
  );
  assert.deepEqual([...((await read('channels', [idOf(channel)])) as bigint[])], [1_000n, 0n]);
  await claim(who, [
    { channel, max: 500n, total: 500n },
    { channel: second, max: 700n, total: 700n },
  ]);
  await settle(who);
  assert.equal(await tokenOf(who.receiver.funds.address), 1_200n);
});

test('a deposit’s signature funds its own channel once and no other', async () => {
  const who = await party();
  const channel = config(who);
  const data = await depositData(who.payer.funds, channel, 1_000n, 7n);
  await send(who.asAnybody, 'deposit', [channel, 1_000n, COLLECTOR, data]);
  await assert.rejects(send(who.asAnybody, 'deposit', [channel, 1_000n, COLLECTOR, data]));
  await assert.rejects(send(who.asAnybody, 'deposit', [config(who, 2n), 1_000n, COLLECTOR, data]));
  const more = await depositData(who.payer.funds, channel, 1_000n, 8n);
  await assert.rejects(send(who.asAnybody, 'deposit', [channel, 2_000n, COLLECTOR, more]));
  await assert.rejects(
    send(who.asAnybody, 'deposit', [{ ...channel, withdrawDelay: 899 }, 1n, COLLECTOR, more]),
  );
});

test('only the payer starts a withdrawal, and claims until its end come first', async () => {
  const who = await party();
  const channel = config(who);
  await deposit(who, channel, 1_000n, 1n);
  await assert.rejects(send(who.asAnybody, 'initiateWithdraw', [channel, 1_000n]));
  await send(who.asPayer, 'initiateWithdraw', [channel, 1_000n]);
  await assert.rejects(send(who.asAnybody, 'finalizeWithdraw', [channel]), 'too early');
  await claim(who, [{ channel, max: 600n, total: 600n }]);
  await node.send('evm_increaseTime', [DELAY_SECONDS + 1]);
  await send(who.asAnybody, 'finalizeWithdraw', [channel]);
  assert.equal(await tokenOf(who.payer.funds.address), MINTED - 600n);
  await assert.rejects(send(who.asAnybody, 'finalizeWithdraw', [channel]), 'only once');
  await settle(who);
  assert.equal(await tokenOf(who.receiver.funds.address), 600n);
});

type Step =
  | { readonly kind: 'deposit' | 'refund' | 'withdraw'; readonly channel: number; readonly sum: bigint }
  | { readonly kind: 'claim'; readonly channel: number; readonly max: bigint; readonly total: bigint }
  | { readonly kind: 'settle' };

const channelNumber = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom<'deposit' | 'refund' | 'withdraw'>('deposit', 'refund', 'withdraw'),
    channel: channelNumber,
    sum: fc.bigInt(1n, 1_000n),
  }),
  fc.record({
    kind: fc.constant<'claim'>('claim'),
    channel: channelNumber,
    max: fc.bigInt(0n, 1_500n),
    total: fc.bigInt(0n, 1_500n),
  }),
  fc.record({ kind: fc.constant<'settle'>('settle') }),
);

test('in any order of steps nothing is made, lost or paid beyond deposit and voucher', async () => {
  let salt = 100n;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
      const who = await party();
      salt += 2n;
      const channels = [config(who, salt), config(who, salt + 1n)];
      const model = channels.map(() => ({ balance: 0n, claimed: 0n, nonce: 0n }));
      let settled = 0n;
      const heldBefore = await tokenOf(SETTLEMENT);
      for (const [index, current] of steps.entries()) {
        const accepted = await attempt(who, channels, model, current, BigInt(index));
        const expected = apply(model, current, settled);
        assert.equal(accepted, expected.accepted, fc.stringify(current));
        settled = expected.settled;
        const claimed = model.reduce((sum, channel) => sum + channel.claimed, 0n);
        const held = model.reduce((sum, channel) => sum + channel.balance, 0n) - settled;
        for (const [number, channel] of channels.entries()) {
          const onChain = (await read('channels', [idOf(channel)])) as readonly bigint[];
          assert.deepEqual([...onChain], [model[number]?.balance, model[number]?.claimed]);
        }
        assert.equal(await tokenOf(who.receiver.funds.address), settled);
        assert.ok(settled <= claimed);
        assert.equal((await tokenOf(SETTLEMENT)) - heldBefore, held);
        assert.equal(await tokenOf(who.payer.funds.address), MINTED - held - settled);
      }
    }),
    { numRuns: 12 },
  );
});

interface ModelChannel {
  balance: bigint;
  claimed: bigint;
  nonce: bigint;
}

async function attempt(
  who: Party,
  channels: readonly Config[],
  model: readonly ModelChannel[],
  current: Step,
  salt: bigint,
): Promise<boolean> {
  const channel = current.kind === 'settle' ? undefined : channels[current.channel];
  try {
    if (current.kind === 'settle' || channel === undefined) await settle(who);
    else if (current.kind === 'deposit') await deposit(who, channel, current.sum, salt);
    else if (current.kind === 'claim')
      await claim(who, [{ channel, max: current.max, total: current.total }]);
    else if (current.kind === 'refund') {
      await refund(who, channel, current.sum, model[current.channel]?.nonce ?? 0n);
    } else {
      await send(who.asPayer, 'initiateWithdraw', [channel, current.sum]);
      await node.send('evm_increaseTime', [DELAY_SECONDS + 1]);
      await send(who.asAnybody, 'finalizeWithdraw', [channel]);
    }
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('the chain refused')) return false;
    throw error;
  }
}

/** What the step should do, on the model; the same rules in a few lines. */
function apply(
  model: ModelChannel[],
  current: Step,
  settled: bigint,
): { accepted: boolean; settled: bigint } {
  const claimed = model.reduce((sum, channel) => sum + channel.claimed, 0n);
  if (current.kind === 'settle') return { accepted: claimed > settled, settled: claimed };
  const channel = model[current.channel];
  if (channel === undefined) throw new Error('no such channel');
  const available = channel.balance - channel.claimed;
  let accepted = true;
  switch (current.kind) {
    case 'deposit':
      channel.balance += current.sum;
      break;
    case 'claim':
      // What is claimed already is taken silently.
      accepted =
        current.total <= channel.claimed ||
        (current.total <= current.max && current.total <= channel.balance);
      if (accepted && current.total > channel.claimed) channel.claimed = current.total;
      break;
    case 'refund':
      accepted = available > 0n;
      if (accepted) {
        channel.balance -= current.sum < available ? current.sum : available;
        channel.nonce += 1n;
      }
      break;
    case 'withdraw':
      accepted = current.sum <= available;
      if (accepted) channel.balance -= current.sum;
      break;
  }
  return { accepted, settled };
}

/** Drives the settlement contract directly, with every signature made here: for tests of the contract alone. */
import assert from 'node:assert/strict';
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AbiCoder, keccak256, toBeHex } from 'ethers';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, createSender } from '../../main/adapters/ethers/index.ts';
import type { Account, ChainSender, Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import { makeAccounts } from './paid-service.ts';

export const SETTLEMENT = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
export const COLLECTOR = '0x4020806089470a89826cB9fB1f4059150b550004';
export const PERMIT2_COLLECTOR = '0x4020425FAf3B746C082C2f942b4E5159887B0005';
export const PERMIT2 = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
export const DELAY_SECONDS = 900;
/** What each payer starts with. */
export const MINTED = 1_000_000_000n;
export const FOREVER = 2n ** 40n;

/** One payer, one receiver and the channels between them. */
export interface Party {
  readonly payer: WalletAccounts;
  readonly receiver: WalletAccounts;
  readonly asPayer: ChainSender;
  readonly asAnybody: ChainSender;
}

/** A channel's terms as the contract takes them. */
export interface Config {
  readonly payer: Hex;
  readonly payerAuthorizer: Hex;
  readonly receiver: Hex;
  readonly receiverAuthorizer: Hex;
  readonly token: Hex;
  readonly withdrawDelay: number;
  readonly salt: Hex;
}

/** One voucher and how much of it is claimed. */
export interface ClaimRow {
  readonly channel: Config;
  readonly max: bigint;
  readonly total: bigint;
  readonly signer: Account;
}

export type ContractDriver = ReturnType<typeof driveContract>;

/** Everything that can be done to the contract; each resolves when it is in a block, or rejects. */
export function driveContract(chain: PracticeChain, node: ChainNode) {
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

  function config({ payer, receiver }: Pick<Party, 'payer' | 'receiver'>, salt = 1n): Config {
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

  /** For the other collector; the payer must have let Permit2 move the token, or send a `permit` with it. */
  async function permit2Data(
    owner: Account,
    channel: Config,
    sum: bigint,
    nonce: bigint,
    permit = '0x',
  ): Promise<string> {
    const signature = await owner.signTypedData({
      domain: { name: 'Permit2', chainId: chain.network.chainId, verifyingContract: PERMIT2 },
      types: {
        PermitWitnessTransferFrom: [
          { name: 'permitted', type: 'TokenPermissions' },
          { name: 'spender', type: 'address' },
          { name: 'nonce', type: 'uint256' },
          { name: 'deadline', type: 'uint256' },
          { name: 'witness', type: 'DepositWitness' },
        ],
        TokenPermissions: [
          { name: 'token', type: 'address' },
          { name: 'amount', type: 'uint256' },
        ],
        DepositWitness: [{ name: 'channelId', type: 'bytes32' }],
      },
      primaryType: 'PermitWitnessTransferFrom',
      message: {
        permitted: { token: channel.token, amount: sum },
        spender: PERMIT2_COLLECTOR,
        nonce,
        deadline: FOREVER,
        witness: { channelId: idOf(channel) },
      },
    });
    return AbiCoder.defaultAbiCoder().encode(
      ['uint256', 'uint256', 'bytes', 'bytes'],
      [nonce, FOREVER, signature, permit],
    );
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

  /** What `claim` takes: each row's voucher signed by its signer. */
  const signClaims = (rows: readonly ClaimRow[]) =>
    Promise.all(
      rows.map(async ({ channel, max, total, signer }) => ({
        voucher: { channel, maxClaimableAmount: max },
        signature: await signVoucher(signer, channel, max),
        totalClaimed: total,
      })),
    );

  /** The authorizer's signature over the whole batch. */
  const signBatch = (authorizer: Account, rows: readonly Omit<ClaimRow, 'signer'>[]) =>
    authorizer.signTypedData({
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

  const signRefund = (authorizer: Account, channel: Config, sum: bigint, nonce: bigint) =>
    authorizer.signTypedData({
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

  async function claim(
    who: Party,
    rows: readonly (Omit<ClaimRow, 'signer'> & { signer?: Account })[],
  ): Promise<bigint> {
    const claims = await signClaims(rows.map((row) => ({ signer: who.payer.session, ...row })));
    const signature = await signBatch(who.receiver.session, rows);
    return send(who.asAnybody, 'claimWithSignature', [claims, signature]);
  }

  async function refund(who: Party, channel: Config, sum: bigint, nonce: bigint): Promise<bigint> {
    const signature = await signRefund(who.receiver.session, channel, sum, nonce);
    return send(who.asAnybody, 'refundWithSignature', [channel, sum, nonce, signature]);
  }

  const settle = (who: Party) =>
    send(who.asAnybody, 'settle', [who.receiver.funds.address, chain.network.token.address]);

  return {
    party,
    config,
    idOf,
    send,
    read,
    tokenOf,
    depositData,
    permit2Data,
    deposit,
    signVoucher,
    signClaims,
    signBatch,
    signRefund,
    claim,
    refund,
    settle,
  };
}

/** Makes every signature that the settlement contract and its collectors verify, for tests of the contracts alone. */
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AbiCoder, keccak256 } from 'ethers';
import type { ChainNetwork } from '../../main/ports/chain.ts';
import {
  ERC3009_COLLECTOR_ADDRESS,
  PERMIT2_ADDRESS,
  PERMIT2_COLLECTOR_ADDRESS,
  SETTLEMENT_ADDRESS,
} from '../../main/ports/contracts.ts';
import type { Account, Hex } from '../../main/ports/evm.ts';

/** A deadline that no test reaches. */
export const FOREVER = 2n ** 40n;

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

/** One voucher, and the part of it that is claimed. */
export interface ClaimRow {
  readonly channel: Config;
  readonly max: bigint;
  readonly total: bigint;
  readonly signer: Account;
}

const AUTHORIZATION_TYPES = {
  ReceiveWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
};
const PERMIT2_TYPES = {
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
};
const VOUCHER_TYPES = {
  Voucher: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
  ],
};
const BATCH_TYPES = {
  ClaimBatch: [{ name: 'claims', type: 'ClaimEntry[]' }],
  ClaimEntry: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
    { name: 'totalClaimed', type: 'uint128' },
  ],
};
const REFUND_TYPES = {
  Refund: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'nonce', type: 'uint256' },
    { name: 'amount', type: 'uint128' },
  ],
};

/** Signatures over the settlement contract's own types, on one network. */
export function settlementSignatures(network: ChainNetwork) {
  const domain = {
    name: 'x402 Batch Settlement',
    version: '1',
    chainId: network.chainId,
    verifyingContract: SETTLEMENT_ADDRESS,
  };
  const idOf = (channel: Config): Hex => computeChannelId(channel, network.id);

  const signVoucher = (signer: Account, channel: Config, maxClaimableAmount: bigint) =>
    signer.signTypedData({
      domain,
      types: VOUCHER_TYPES,
      primaryType: 'Voucher',
      message: { channelId: idOf(channel), maxClaimableAmount },
    });

  /** The argument of `claim`: each row's voucher, signed by its signer. */
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
      domain,
      types: BATCH_TYPES,
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
      domain,
      types: REFUND_TYPES,
      primaryType: 'Refund',
      message: { channelId: idOf(channel), nonce, amount: sum },
    });

  return { idOf, signVoucher, signClaims, signBatch, signRefund };
}

/** The data of a deposit for each of the two collectors. */
export function depositSignatures(network: ChainNetwork) {
  const coder = AbiCoder.defaultAbiCoder();
  const idOf = (channel: Config): Hex => computeChannelId(channel, network.id);

  async function depositData(owner: Account, channel: Config, sum: bigint, salt: bigint): Promise<string> {
    const nonce = keccak256(coder.encode(['bytes32', 'uint256'], [idOf(channel), salt]));
    const signature = await owner.signTypedData({
      domain: {
        ...network.token.eip712,
        chainId: network.chainId,
        verifyingContract: network.token.address,
      },
      types: AUTHORIZATION_TYPES,
      primaryType: 'ReceiveWithAuthorization',
      message: {
        from: owner.address,
        to: ERC3009_COLLECTOR_ADDRESS,
        value: sum,
        validAfter: 0,
        validBefore: FOREVER,
        nonce,
      },
    });
    return coder.encode(['uint256', 'uint256', 'uint256', 'bytes'], [0, FOREVER, salt, signature]);
  }

  /** Requires the payer's approval of Permit2, or a `permit` of the token in the data. */
  async function permit2Data(
    owner: Account,
    channel: Config,
    { sum, nonce, permit = '0x' }: { readonly sum: bigint; readonly nonce: bigint; readonly permit?: string },
  ): Promise<string> {
    const signature = await owner.signTypedData({
      domain: { name: 'Permit2', chainId: network.chainId, verifyingContract: PERMIT2_ADDRESS },
      types: PERMIT2_TYPES,
      primaryType: 'PermitWitnessTransferFrom',
      message: {
        permitted: { token: channel.token, amount: sum },
        spender: PERMIT2_COLLECTOR_ADDRESS,
        nonce,
        deadline: FOREVER,
        witness: { channelId: idOf(channel) },
      },
    });
    return coder.encode(['uint256', 'uint256', 'bytes', 'bytes'], [nonce, FOREVER, signature, permit]);
  }

  return { depositData, permit2Data };
}

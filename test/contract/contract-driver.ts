/** Calls the settlement contract directly, with every signature made here: for tests of the contracts alone. */
import assert from 'node:assert/strict';
import { toBeHex } from 'ethers';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, createSender } from '../../main/adapters/ethers/index.ts';
import { ERC3009_COLLECTOR_ADDRESS, SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import type { Account, ChainSender, Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import {
  type ClaimRow,
  type Config,
  depositSignatures,
  settlementSignatures,
} from './contract-signatures.ts';
import { makeAccounts } from './paid-service.ts';

export const DELAY_SECONDS = 900;
/** Initial token balance of each payer. */
export const MINTED = 1_000_000_000n;

/** One payer and one receiver, between which a test opens channels. */
export interface Party {
  readonly payer: WalletAccounts;
  readonly receiver: WalletAccounts;
  readonly asPayer: ChainSender;
  readonly asAnybody: ChainSender;
}

export type ContractDriver = ReturnType<typeof driveContract>;

/** All operations of the contract; each resolves when it is mined, or rejects. */
export function driveContract(chain: PracticeChain, node: ChainNode) {
  const { network } = chain;
  const signatures = { ...settlementSignatures(network), ...depositSignatures(network) };
  const token = network.token.address as Hex;

  const read = (functionName: string, args: readonly unknown[]) =>
    node.readContract({ address: SETTLEMENT_ADDRESS, abi: settlementArtifact.abi, functionName, args });

  const tokenOf = async (address: string): Promise<bigint> =>
    (await node.readContract({
      address: token,
      abi: tokenArtifact.abi,
      functionName: 'balanceOf',
      args: [address],
    })) as bigint;

  async function deposit(party: Party, channel: Config, sum: bigint, salt: bigint): Promise<bigint> {
    const data = await signatures.depositData(party.payer.funds, channel, sum, salt);
    return send(party.asAnybody, 'deposit', [channel, sum, ERC3009_COLLECTOR_ADDRESS, data]);
  }

  async function claim(
    party: Party,
    rows: readonly (Omit<ClaimRow, 'signer'> & { signer?: Account })[],
  ): Promise<bigint> {
    const claims = await signatures.signClaims(rows.map((row) => ({ signer: party.payer.session, ...row })));
    const signature = await signatures.signBatch(party.receiver.session, rows);
    return send(party.asAnybody, 'claimWithSignature', [claims, signature]);
  }

  async function refund(party: Party, channel: Config, sum: bigint, nonce: bigint): Promise<bigint> {
    const signature = await signatures.signRefund(party.receiver.session, channel, sum, nonce);
    return send(party.asAnybody, 'refundWithSignature', [channel, sum, nonce, signature]);
  }

  const settle = (party: Party) => send(party.asAnybody, 'settle', [party.receiver.funds.address, token]);

  return {
    ...signatures,
    party: () => createParty(chain, node),
    config: (party: Pick<Party, 'payer' | 'receiver'>, salt = 1n) => configOf(party, token, salt),
    send,
    read,
    tokenOf,
    deposit,
    claim,
    refund,
    settle,
  };
}

async function createParty(chain: PracticeChain, node: ChainNode): Promise<Party> {
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

function configOf({ payer, receiver }: Pick<Party, 'payer' | 'receiver'>, token: Hex, salt: bigint): Config {
  return {
    payer: payer.funds.address,
    payerAuthorizer: payer.session.address,
    receiver: receiver.funds.address,
    receiverAuthorizer: receiver.session.address,
    token,
    withdrawDelay: DELAY_SECONDS,
    salt: toBeHex(salt, 32) as Hex,
  };
}

/** Sends and returns the gas used; rejects when the contract reverts, even if only in the block. */
async function send(sender: ChainSender, functionName: string, args: readonly unknown[]): Promise<bigint> {
  const hash = await sender.writeContract({
    address: SETTLEMENT_ADDRESS,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });
  const receipt = await sender.waitForReceipt(hash);
  assert.equal(receipt.status, 'success');
  return receipt.gasUsed;
}

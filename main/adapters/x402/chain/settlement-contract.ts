/** Encodes our own calls of the settlement contract and decodes the pairs of numbers that it returns. */
import { Interface, type InterfaceAbi } from 'ethers';
import settlementArtifact from '../../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { SETTLEMENT_ADDRESS } from '../../../ports/contracts.ts';
import type { ContractCall, Hex } from '../../../ports/evm.ts';

const EVENTS = new Interface(settlementArtifact.abi as InterfaceAbi);

export function settlementCall(functionName: string, args: readonly unknown[]): ContractCall {
  return { address: SETTLEMENT_ADDRESS, abi: settlementArtifact.abi, functionName, args };
}

/** Decodes `channels` (balance, claimed), `receivers` (claimed, paid out) and `pendingWithdrawals` (amount, start). */
export function pairOf(value: unknown): readonly [bigint, bigint] {
  const [first, second] = value as readonly [bigint, bigint];
  return [BigInt(first), BigInt(second)];
}

export function isSettlementContract(address: string): boolean {
  return address.toLowerCase() === SETTLEMENT_ADDRESS.toLowerCase();
}

/** The amount that an event of the contract returned to a payer, by refund or withdrawal; null for any other event. */
export function returnedBy(log: { readonly topics: readonly Hex[]; readonly data: Hex }): bigint | null {
  const event = EVENTS.parseLog({ topics: [...log.topics], data: log.data });
  if (event?.name !== 'Refunded' && event?.name !== 'WithdrawFinalized') return null;
  return BigInt(event.args.amount);
}

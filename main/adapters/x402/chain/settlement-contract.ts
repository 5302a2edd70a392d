/** Encodes our own calls of the settlement contract and decodes the pairs of numbers that it returns. */
import settlementArtifact from '../../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { SETTLEMENT_ADDRESS } from '../../../ports/contracts.ts';
import type { ContractCall } from '../../../ports/evm.ts';

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

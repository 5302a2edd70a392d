/** Calls of the settlement contract that we make ourselves, and how its pairs of numbers are read. */
import settlementArtifact from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import type { ContractCall } from '../../ports/evm.ts';
import { SETTLEMENT_ADDRESS } from './wire.ts';

export { SETTLEMENT_ADDRESS } from './wire.ts';

export function callOf(functionName: string, args: readonly unknown[]): ContractCall {
  return { address: SETTLEMENT_ADDRESS, abi: settlementArtifact.abi, functionName, args };
}

/** `channels`: balance and claimed; `receivers`: claimed and paid out; `pendingWithdrawals`: amount and start. */
export function pairOf(value: unknown): readonly [bigint, bigint] {
  const [first, second] = value as readonly [bigint, bigint];
  return [BigInt(first), BigInt(second)];
}

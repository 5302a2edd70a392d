/** The chain as sending sees it: what is held, what it costs, and what became of a transaction. */
import type { Amount } from '../../shared/money.ts';
import type { ChainNetwork } from './chain.ts';
import type { Hex, TransactionReceipt } from './evm.ts';

export interface Call {
  readonly to: Hex;
  readonly data: Hex;
  /** Wei. */
  readonly value: bigint;
}

/** Wei per unit of gas. */
export interface NetworkFees {
  readonly baseFee: bigint;
  readonly tip: bigint;
}

/** Each call fails with `chain-unavailable` or `chain-mismatch` where the node does not answer as it should. */
export interface SpendChain {
  readonly network: ChainNetwork;
  held(address: Hex): Promise<{ readonly token: Amount; readonly coin: Amount }>;
  isContract(address: Hex): Promise<boolean>;
  transfer(asset: 'token' | 'coin', to: Hex, value: Amount): Call;
  /** Gas that it would use now; `bad-request` with the reason where the chain would refuse it. */
  estimateGas(from: Hex, call: Call): Promise<bigint>;
  fees(): Promise<NetworkFees>;
  /** What a rollup takes for the data beside gas, at most; zero elsewhere. */
  dataFee(call: Call): Promise<Amount>;
  /** Transactions of the address in blocks, and the same with those that the node holds. */
  nonces(address: Hex): Promise<{ readonly mined: number; readonly held: number }>;
  hashOf(signed: Hex): Hex;
  /** Fails with `insufficient-funds`, or `bad-request` where the node refused it for another reason. */
  broadcast(signed: Hex): Promise<void>;
  receipt(hash: Hex): Promise<TransactionReceipt | null>;
  /** Whether enough blocks lie on it to be believed. */
  isFinal(receipt: TransactionReceipt): Promise<boolean>;
  /** Whether the node has it, in a block or waiting for one. */
  knows(hash: Hex): Promise<boolean>;
}

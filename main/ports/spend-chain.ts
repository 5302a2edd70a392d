/** The chain as the wallet's transfers see it: balances, fees and the state of a transaction. */
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

/** Each call fails with `chain-unavailable` or `chain-mismatch` when the node's answer is missing or wrong. */
export interface SpendChain {
  readonly network: ChainNetwork;
  held(address: Hex): Promise<{ readonly token: Amount; readonly coin: Amount }>;
  isContract(address: Hex): Promise<boolean>;
  transfer(asset: 'token' | 'coin', to: Hex, value: Amount): Call;
  /** Gas that the call would use now. Fails with `bad-request` and the reason when the chain would reject it. */
  estimateGas(from: Hex, call: Call): Promise<bigint>;
  fees(): Promise<NetworkFees>;
  /** Maximum fee that a rollup charges for data in addition to gas; zero on other chains. */
  dataFee(call: Call): Promise<Amount>;
  /** Count of the address's mined transactions, and the count including those that the node still holds. */
  nonces(address: Hex): Promise<{ readonly mined: number; readonly held: number }>;
  hashOf(signed: Hex): Hex;
  /** Fails with `insufficient-funds`, or with `bad-request` when the node refused it for another reason. */
  broadcast(signed: Hex): Promise<void>;
  receipt(hash: Hex): Promise<TransactionReceipt | null>;
  /** True when the receipt has the network's confirmations. */
  isFinal(receipt: TransactionReceipt): Promise<boolean>;
  /** True when the node has the transaction, in a block or pending. */
  knows(hash: Hex): Promise<boolean>;
}

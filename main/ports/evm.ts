/** Keys and the chain's node as payment and settlement use them, without naming the library behind. */
import type { Amount } from '../../shared/money.ts';

export type Hex = `0x${string}`;

/** EIP-712 typed data. */
export interface TypedData {
  readonly domain: Record<string, unknown>;
  readonly types: Record<string, unknown>;
  readonly primaryType: string;
  readonly message: Record<string, unknown>;
}

/** A transaction that is complete but for its signature (EIP-1559). Amounts in wei. */
export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  readonly to: Hex;
  readonly data: Hex;
  readonly value: bigint;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** One key that signs. The key itself cannot be read from it, printed or serialised. */
export interface Account {
  /** With the checksum of EIP-55. */
  readonly address: Hex;
  signTypedData(data: TypedData): Promise<Hex>;
  /** EIP-191. */
  signMessage(message: string): Promise<Hex>;
  signTransaction(transaction: UnsignedTransaction): Promise<Hex>;
}

/**
 * The lower-case address whose key signed the 32-byte digest, or null where that is nobody's signature.
 * Takes every form that wallets' libraries read; a chain takes fewer, see `isTakenByChain` of the x402 adapter.
 */
export type RecoverSigner = (digest: Uint8Array, signature: Hex) => Hex | null;

export interface ContractCall {
  readonly address: Hex;
  readonly abi: readonly unknown[];
  readonly functionName: string;
  readonly args?: readonly unknown[];
}

/** A transaction that is in a block; the block may still be dropped by the chain. */
export interface TransactionReceipt {
  readonly hash: Hex;
  readonly status: 'success' | 'reverted';
  readonly blockNumber: number;
  readonly blockHash: Hex;
  /** Gas used times its price, in wei. */
  readonly fee: Amount;
  readonly gasUsed: bigint;
  readonly logs: readonly {
    readonly address: Hex;
    readonly topics: readonly Hex[];
    readonly data: Hex;
  }[];
}

/**
 * Reads from the chain. Fails with `chain-unavailable` when no answer comes and with `chain-mismatch` when
 * the node serves another chain; what a contract refuses is an ordinary error with its reason.
 */
export interface ChainReader {
  readContract(call: ContractCall): Promise<unknown>;
  /** The same for several calls, of one block and in one request. */
  readContracts(calls: readonly ContractCall[]): Promise<readonly unknown[]>;
  getCode(request: { address: Hex }): Promise<Hex | undefined>;
  /** Null while the node does not know it as mined. */
  receipt(hash: Hex): Promise<TransactionReceipt | null>;
  /** Whether the node holds it and has not mined it. */
  isPending(hash: Hex): Promise<boolean>;
  /** The chain's last block. */
  height(): Promise<number>;
  /** A block's hash; null where not every node that is asked has the block. */
  blockHash(number: number): Promise<Hex | null>;
  /** What a unit of gas costs now, in wei. */
  gasPrice(): Promise<bigint>;
  /** The last block's time, in milliseconds since the epoch: this machine's clock may be wrong. */
  time(): Promise<number>;
  /** Events of one contract from a block on, oldest first; null in `topics` stands for any. */
  logs(filter: {
    readonly address: Hex;
    readonly topics: readonly (Hex | null)[];
    readonly fromBlock: number;
  }): Promise<readonly ChainLog[]>;
}

export interface ChainLog {
  /** Of the transaction that it comes from. */
  readonly hash: Hex;
  readonly blockNumber: number;
  readonly topics: readonly Hex[];
  readonly data: Hex;
}

export interface SendOptions {
  readonly gas?: bigint;
  /** Appended to the call's data (attribution). */
  readonly dataSuffix?: Hex;
  /** Called with the transaction's hash before it leaves this machine. */
  readonly beforeBroadcast?: (hash: Hex) => void;
}

/** Sends from one account; nonces are given out in order, so calls may run side by side. */
export interface ChainSender extends ChainReader {
  readonly address: Hex;
  /** Answers as soon as the node took it. */
  writeContract(call: ContractCall, options?: SendOptions): Promise<Hex>;
  sendTransaction(transaction: { to: Hex; data: Hex; value?: bigint }): Promise<Hex>;
  /** Waits until it is mined and has the network's confirmations. Fails with `chain-unavailable` after `timeoutMs` (default 60,000). */
  waitForReceipt(hash: Hex, timeoutMs?: number): Promise<TransactionReceipt>;
  /** The chain dropped transactions of ours: the next one's number is asked anew. */
  forgetNonce(): void;
}

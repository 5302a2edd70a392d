/** Keys and the chain's node as payment and settlement use them, independent of any library. */
import type { Amount } from '../../shared/money.ts';

export type Hex = `0x${string}`;

/** Gas limit as a percentage of the estimate: the state may change before the transaction is mined. */
export const GAS_MARGIN_PERCENT = 125n;

/** EIP-712 typed data. */
export interface TypedData {
  readonly domain: Record<string, unknown>;
  readonly types: Record<string, unknown>;
  readonly primaryType: string;
  readonly message: Record<string, unknown>;
}

/** A transaction that lacks only its signature (EIP-1559). Amounts in wei. */
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

/** A signing key. The key itself can't be read from it, printed or serialized. */
export interface Account {
  /** With the EIP-55 checksum. */
  readonly address: Hex;
  signTypedData(data: TypedData): Promise<Hex>;
  signTransaction(transaction: UnsignedTransaction): Promise<Hex>;
}

/** True if the key of this address signed exactly these data. Never throws. */
export type VerifyTypedData = (address: string, data: TypedData, signature: string) => boolean;

/**
 * Resolves with whether a contract at this address accepts the signature of exactly these data (ERC-1271). `unknown`: the chain
 * didn't answer, or was asked too much. Never rejects.
 */
export type VerifyByContract = (
  address: string,
  data: TypedData,
  signature: string,
) => Promise<'accepted' | 'refused' | 'unknown'>;

/**
 * Returns the lower-case address whose key signed the 32-byte digest, or null for an invalid signature.
 * Accepts every form that wallet libraries read; a chain accepts fewer, see `isTakenByChain` of the x402 adapter.
 */
export type RecoverSigner = (digest: Uint8Array, signature: Hex) => Hex | null;

export interface ContractCall {
  readonly address: Hex;
  readonly abi: readonly unknown[];
  readonly functionName: string;
  readonly args?: readonly unknown[];
  /** Caller that a read pretends to be, for functions that depend on it. */
  readonly from?: Hex;
}

/** A transaction that is in a block; the chain may still drop the block. */
export interface TransactionReceipt {
  readonly hash: Hex;
  readonly status: 'success' | 'reverted';
  readonly blockNumber: number;
  readonly blockHash: Hex;
  /** Full fee in wei: gas used times its price, plus the data fee on a rollup. */
  readonly fee: Amount;
  readonly gasUsed: bigint;
  readonly logs: readonly {
    readonly address: Hex;
    readonly topics: readonly Hex[];
    readonly data: Hex;
  }[];
}

/** The chain refuses, whichever node is asked: a contract reverted, or the transaction isn't valid. */
export class ChainRefusal extends Error {}

/**
 * Reads from the chain. Fails with `chain-unavailable` when no answer arrives and with `chain-mismatch` when
 * the node serves another chain; a contract's refusal is a {@link ChainRefusal} with its reason.
 */
export interface ChainReader {
  readContract(call: ContractCall): Promise<unknown>;
  /** Several calls in one request, all from the same block. */
  readContracts(calls: readonly ContractCall[]): Promise<readonly unknown[]>;
  getCode(request: { address: Hex }): Promise<Hex | undefined>;
  /** Null until the node has it in a block. */
  receipt(hash: Hex): Promise<TransactionReceipt | null>;
  /** True when the node has the transaction and hasn't mined it. */
  isPending(hash: Hex): Promise<boolean>;
  /** Number of the chain's last block. */
  height(): Promise<number>;
  /** A block's hash; null unless every queried node has the block. */
  blockHash(number: number): Promise<Hex | null>;
  /** Current price of a unit of gas, in wei: the lower of two reports where the network has several nodes. */
  gasPrice(): Promise<bigint>;
  /** Maximum fee that a rollup charges for this many bytes of data in addition to gas; zero on other chains. */
  dataFee(bytes: number): Promise<Amount>;
  /** The last block's time, in milliseconds since the epoch: this machine's clock may be wrong. */
  time(): Promise<number>;
  /** Events of one contract from a block on, oldest first; null in `topics` matches any. */
  logs(filter: {
    readonly address: Hex;
    readonly topics: readonly (Hex | null)[];
    readonly fromBlock: number;
  }): Promise<readonly ChainLog[]>;
}

export interface ChainLog {
  /** Hash of the transaction that emitted it. */
  readonly hash: Hex;
  readonly blockNumber: number;
  readonly topics: readonly Hex[];
  readonly data: Hex;
}

export interface SendOptions {
  readonly gas?: bigint;
  /** Appended to the call's data (attribution). */
  readonly dataSuffix?: Hex;
  /** Called before the transaction leaves this machine. */
  readonly beforeBroadcast?: (hash: Hex, transaction: UnsignedTransaction) => void;
}

/**
 * Sends from one account. Nonces are assigned in order, so calls may run concurrently. No transaction costs more than
 * the sender's limit: a call fails with `fee-too-high`, and nothing is sent, when the network charges more.
 */
export interface ChainSender extends ChainReader {
  readonly address: Hex;
  /** Resolves as soon as the node accepted the transaction. */
  writeContract(call: ContractCall, options?: SendOptions): Promise<Hex>;
  sendTransaction(
    transaction: { to: Hex; data: Hex; value?: bigint },
    options?: Pick<SendOptions, 'beforeBroadcast'>,
  ): Promise<Hex>;
  /**
   * Sends the transaction again with the same nonce and a fee for which nodes replace it, so at most one of the two is
   * mined. Null when the limit leaves no room for such a fee.
   */
  replace(
    transaction: UnsignedTransaction,
    options?: Pick<SendOptions, 'beforeBroadcast'>,
  ): Promise<Hex | null>;
  /** Waits until it is mined and has the network's confirmations. Fails with `chain-unavailable` after `timeoutMs` (default 60,000). */
  waitForReceipt(hash: Hex, timeoutMs?: number): Promise<TransactionReceipt>;
  /** Queries the nonce again for the next transaction, because the chain dropped transactions of ours. */
  forgetNonce(): void;
}

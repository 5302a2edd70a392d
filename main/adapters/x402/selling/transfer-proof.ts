/** Proves by the chain alone that a signed transfer of the token was carried out, and finds its transaction. */
import { id as hashOfText } from 'ethers';
import { z } from 'zod';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ChainReader, Hex, TransactionReceipt } from '../../../ports/evm.ts';

const SHOW_POLL_MS = 200;
const TRANSFER = hashOfText('Transfer(address,address,uint256)');
const USED = hashOfText('AuthorizationUsed(address,bytes32)');
const STATE_ABI = ['function authorizationState(address,bytes32) view returns (bool)'] as const;

export const pendingTransferSchema = z.object({
  from: z.string(),
  to: z.string(),
  value: z.string(),
  nonce: z.string(),
  validBefore: z.string(),
  /** Block from which on it may have been carried out. */
  fromBlock: z.number(),
});
/** A signed transfer that may be carried out until it expires. */
export type PendingTransfer = z.infer<typeof pendingTransferSchema>;

export interface TransferProofParts {
  readonly network: ChainNetwork;
  readonly reader: Pick<ChainReader, 'receipt' | 'readContract' | 'logs'>;
  readonly clock: Clock;
}

export interface TransferProof {
  /** Waits at most this long until the chain has the transaction; true if it is this transfer. */
  isShown(hash: string, transfer: PendingTransfer, waitMs: number): Promise<boolean>;
  /** Returns the transaction that carried it out; null if none did. */
  findUsed(transfer: PendingTransfer): Promise<string | null>;
}

export function createTransferProof({ network, reader, clock }: TransferProofParts): TransferProof {
  /** Waits until the chain shows the payment in this transaction. */
  async function isShown(hash: string, pending: PendingTransfer, waitMs: number): Promise<boolean> {
    const deadlineMs = clock.monotonic() + waitMs;
    for (;;) {
      const receipt = await reader.receipt(hash as Hex);
      if (receipt !== null) return pays(receipt, pending, network);
      if (clock.monotonic() >= deadlineMs) return false;
      await new Promise<void>((resolve) => clock.after(SHOW_POLL_MS, resolve));
    }
  }

  /** The transaction that used the payment's nonce, if one did. */
  async function findUsed(pending: PendingTransfer): Promise<string | null> {
    const { from, nonce, fromBlock } = pending;
    const address = network.token.address as Hex;
    const call = { address, abi: STATE_ABI, functionName: 'authorizationState', args: [from, nonce] };
    if ((await reader.readContract(call)) !== true) return null;
    const topics = [USED as Hex, word(from), nonce.toLowerCase() as Hex];
    const [log] = await reader.logs({ address, topics, fromBlock });
    if (log === undefined) return null;
    return (await isShown(log.hash, pending, 0)) ? log.hash : null;
  }

  return { isShown, findUsed };
}

/** True if the transaction moved exactly this payment. */
function pays(receipt: TransactionReceipt, pending: PendingTransfer, network: ChainNetwork): boolean {
  const isUsed = hasEvent(receipt, network, [USED, word(pending.from), pending.nonce.toLowerCase()]);
  return isUsed && hasTransfer(receipt, pending, network);
}

/** True if the transaction succeeded and moved exactly this value of the token. */
export function hasTransfer(
  receipt: TransactionReceipt,
  { from, to, value }: Pick<PendingTransfer, 'from' | 'to' | 'value'>,
  network: ChainNetwork,
): boolean {
  const topics = [TRANSFER, word(from), word(to)];
  return receipt.status === 'success' && hasEvent(receipt, network, topics, BigInt(value));
}

function hasEvent(
  { logs }: TransactionReceipt,
  { token }: ChainNetwork,
  topics: readonly string[],
  data?: bigint,
): boolean {
  return logs.some(
    (log) =>
      log.address.toLowerCase() === token.address.toLowerCase() &&
      topics.every((topic, place) => log.topics[place]?.toLowerCase() === topic) &&
      (data === undefined || BigInt(log.data) === data),
  );
}

/** An address as an indexed value of an event. */
function word(address: string): Hex {
  return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
}

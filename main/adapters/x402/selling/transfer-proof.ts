/** Proves by the chain alone that a signed transfer of the token was carried out, and finds its transaction. */
import { id as hashOfText } from 'ethers';
import { z } from 'zod';
import { AppError, isAppError } from '../../../../shared/errors.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type ChainReader, ChainRefusal, type Hex, type TransactionReceipt } from '../../../ports/evm.ts';
import type { RecordStore } from '../../../ports/store.ts';

/** Between two questions for a receipt: twice as long each time. */
const SHOW_POLL_MS = 200;
const SHOW_POLL_MS_MAX = 1_000;
/** After its expiry, a payment is looked up for this long: the chain's clock differs, and nodes lag behind. */
export const LOOK_UP_MS = 600_000;
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
  async function isShown(hash: string, pending: PendingTransfer, waitMs: number): Promise<boolean> {
    const receipt = await receiptWithin({ reader, clock }, hash, waitMs);
    return receipt !== null && pays(receipt, pending, network);
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

/**
 * Waits at most this long until a block has the transaction; null if none has. A chain that doesn't answer, or refuses to,
 * is asked again meanwhile; then it fails with `chain-unavailable` or `chain-mismatch`.
 */
export async function receiptWithin(
  { reader, clock }: Pick<TransferProofParts, 'clock'> & { readonly reader: Pick<ChainReader, 'receipt'> },
  hash: string,
  waitMs: number,
): Promise<TransactionReceipt | null> {
  const deadlineMs = clock.monotonic() + waitMs;
  for (let pollMs = SHOW_POLL_MS; ; pollMs = Math.min(pollMs * 2, SHOW_POLL_MS_MAX)) {
    const leftMs = deadlineMs - clock.monotonic();
    try {
      const receipt = await reader.receipt(hash as Hex);
      if (receipt !== null || leftMs <= 0) return receipt;
    } catch (error) {
      const failure = asOutage(error);
      if (leftMs <= 0 || !isAppError(failure, 'chain-unavailable', 'chain-mismatch')) throw failure;
    }
    await new Promise<void>((resolve) => clock.after(Math.min(pollMs, leftMs), resolve));
  }
}

/** No node has a reason to refuse a question for a receipt, so a refusal says nothing about the transaction. */
function asOutage(error: unknown): unknown {
  if (!(error instanceof ChainRefusal)) return error;
  return new AppError('chain-unavailable', error.message, { cause: error });
}

/** Looks at each record, also after one that failed; then throws the first failure. */
export async function lookAtEach(
  store: RecordStore,
  collection: string,
  look: (key: string, value: string) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const { key, value } of store.list(collection)) {
    await look(key, value).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
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

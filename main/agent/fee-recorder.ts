/**
 * Whatever is sent for us costs a fee, also a deposit that we relay. Each transaction is written down before it
 * leaves, so that its fee is booked even when the chain, or this process, goes away before the receipt comes.
 */
import { z } from 'zod';
import type { Ledger } from '../core/ledger/index.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../ports/evm.ts';
import type { RecordStore } from '../ports/store.ts';

export interface FeeBooksParts {
  readonly sender: ChainSender;
  readonly store: RecordStore;
  readonly ledger: Pick<Ledger, 'networkFee'>;
  /** The asset id of the chain's own coin. */
  readonly coinId: string;
  readonly clock: Clock;
}

export interface FeeBooks {
  /** Sends as the given one does, and books. */
  readonly sender: ChainSender;
  /** Asks now, and every few seconds, after what was sent and never heard of again. */
  start(): Timer;
}

const COLLECTION = 'fees-to-book';
const LOOK_EVERY_MS = 5_000;
/** What no node knows after this long was never taken by the chain. */
const FORGET_MS = 3_600_000;

const noteSchema = z.object({ sentAtMs: z.number() });

export function createFeeBooks({ sender, store, ledger, coinId, clock }: FeeBooksParts): FeeBooks {
  const note = (hash: Hex): void => {
    store.set(COLLECTION, hash, JSON.stringify({ sentAtMs: clock.now() }));
  };
  function book(receipt: TransactionReceipt): void {
    ledger.networkFee({ txHash: receipt.hash, assetId: coinId, amount: receipt.fee });
    store.delete(COLLECTION, receipt.hash);
  }

  async function look(): Promise<void> {
    for (const { key, value } of store.list(COLLECTION)) {
      const hash = key as Hex;
      const receipt = await sender.receipt(hash);
      if (receipt !== null) book(receipt);
      else if (clock.now() - noteSchema.parse(JSON.parse(value)).sentAtMs > FORGET_MS) {
        if (!(await sender.isPending(hash))) store.delete(COLLECTION, hash);
      }
    }
  }

  return {
    sender: {
      ...sender,
      writeContract: (call, options = {}) =>
        sender.writeContract(call, {
          ...options,
          beforeBroadcast(hash) {
            note(hash);
            options.beforeBroadcast?.(hash);
          },
        }),
      async sendTransaction(transaction) {
        const hash = await sender.sendTransaction(transaction);
        note(hash);
        return hash;
      },
      async waitForReceipt(hash, timeoutMs) {
        const receipt = await sender.waitForReceipt(hash, timeoutMs);
        book(receipt);
        return receipt;
      },
    },
    start() {
      // A chain that is away is asked again at the next look.
      const again = () => void look().catch(() => undefined);
      again();
      return clock.every(LOOK_EVERY_MS, again);
    },
  };
}

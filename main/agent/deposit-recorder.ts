/**
 * What was put into channels, booked also where nobody told us: a provider relays a deposit, and its answer, or
 * we ourselves, may be gone before it is booked. The chain knows; what it holds and the books lack is booked.
 */
import { type Amount, amount } from '../../shared/money.ts';
import type { Ledger } from '../core/ledger/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { LedgerStore } from '../ports/ledger.ts';
import type { PaymentClient } from '../ports/payments.ts';

export interface DepositBooksParts {
  readonly ledger: Pick<Ledger, 'deposited' | 'post' | 'bookedOnChannel'>;
  readonly store: Pick<LedgerStore, 'sumForChannel'>;
  readonly assetId: string;
  /** What each channel holds by the chain's word. */
  readonly onChain: PaymentClient['deposits'];
  readonly clock: Clock;
  /** Something was booked. */
  readonly changed: () => void;
}

/** A provider may still relay for a while after we stopped waiting; then we look for the last time. */
const LOOKS_MS = [0, 2_000, 10_000, 60_000, 120_000];

export interface DepositBooks {
  /** Told by the provider; `total` is what the channel then holds. */
  deposited(deposit: { channelId: string; amount: Amount; total: Amount; txHash: string }): void;
  /** Books what the chain holds and the books lack, now and for a while. */
  watch(): void;
  stop(): void;
}

export function createDepositBooks(parts: DepositBooksParts): DepositBooks {
  const { ledger, assetId, clock } = parts;
  const timers = new Set<{ cancel(): void }>();

  function watch(): void {
    for (const delayMs of LOOKS_MS) {
      const timer = clock.after(delayMs, () => {
        timers.delete(timer);
        // A chain that is away is asked again at the next look, and by the next start.
        look().catch(() => undefined);
      });
      timers.add(timer);
    }
  }

  /** Put in less what came back: what is there still and what was spent of it. */
  function bookedFor(channelId: string): bigint {
    const unspent = parts.store.sumForChannel('channels:deposited', channelId);
    return unspent + ledger.bookedOnChannel('bought', channelId);
  }

  async function look(): Promise<void> {
    for (const { channelId, total } of await parts.onChain()) {
      const missing = total - bookedFor(channelId);
      if (missing <= 0n) continue;
      const atMs = clock.now();
      ledger.post({
        key: `deposit:${channelId}:${total}:${atMs}`,
        atMs,
        kind: 'channel-deposit',
        description: 'Deposited to a channel, found on the chain',
        lines: [
          { account: 'channels:deposited', assetId, amount: amount(missing), channelId },
          { account: 'wallet', assetId, amount: amount(-missing), channelId },
        ],
      });
      parts.changed();
    }
  }

  return {
    deposited({ channelId, amount: sum, total, txHash }) {
      // A look at the chain was faster; or `total` leaves out an earlier deposit, and the next look shows it.
      if (bookedFor(channelId) >= total) return watch();
      ledger.deposited({ txHash, channelId, assetId, amount: sum });
      parts.changed();
    },
    watch,
    stop() {
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}

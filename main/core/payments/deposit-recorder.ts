/**
 * Records channel deposits in the ledger even if the confirmation is lost. A provider relays a deposit; its
 * response, or this process, may be gone before the entry is written. Delayed checks compare the chain with the
 * ledger and record the difference.
 */
import { isAppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PaymentClient } from '../../ports/payments.ts';
import type { Ledger } from '../ledger/index.ts';

export interface DepositRecorderParts {
  readonly ledger: Pick<Ledger, 'deposited' | 'depositFound' | 'bookedOnChannel' | 'sumForChannel'>;
  readonly assetId: string;
  /** Returns the balance deposited into each channel according to the chain. */
  readonly onChain: PaymentClient['deposits'];
  readonly clock: Clock;
  /** Called after an entry was recorded. */
  readonly changed: () => void;
  readonly log: Log;
}

/** A provider may still relay a deposit for a while after the payer stopped waiting; the last check is after 2 min. */
const CHECK_DELAYS_MS = [0, 2_000, 10_000, 60_000, 120_000];

/** Deposit that a provider confirmed; `total` is the channel's balance afterwards. */
export interface Deposit {
  readonly channelId: string;
  readonly amount: Amount;
  readonly total: Amount;
  readonly txHash: string;
}

export interface DepositRecorder {
  deposited(deposit: Deposit): void;
  /** Records deposits that the chain has and the ledger lacks, now and for 2 minutes. */
  watch(): void;
  stop(): void;
}

export function createDepositRecorder(parts: DepositRecorderParts): DepositRecorder {
  const { ledger, assetId, clock, log } = parts;
  const timers = new Set<{ cancel(): void }>();

  function watch(): void {
    for (const delayMs of CHECK_DELAYS_MS) {
      const timer = clock.after(delayMs, () => {
        timers.delete(timer);
        check().catch(reportFailure);
      });
      timers.add(timer);
    }
  }

  /** If the chain is unavailable, the next check or the next start retries. */
  function reportFailure(error: unknown): void {
    if (isAppError(error)) log.debug('Could not compare deposits with the chain', { cause: error.message });
    else log.error('Could not compare deposits with the chain', error);
  }

  /** Deposits minus refunds: the remaining balance plus what was spent. */
  function recordedFor(channelId: string): bigint {
    const unspent = ledger.sumForChannel('channels:deposited', channelId);
    return unspent + ledger.bookedOnChannel('bought', channelId);
  }

  async function check(): Promise<void> {
    for (const { channelId, total } of await parts.onChain()) {
      const missing = total - recordedFor(channelId);
      if (missing <= 0n) continue;
      ledger.depositFound({ channelId, assetId, total, amount: amount(missing) });
      log.info('Recorded a channel deposit found on-chain', { channelId, amount: missing.toString() });
      parts.changed();
    }
  }

  return {
    deposited({ channelId, amount: sum, total, txHash }) {
      // A check was faster; or `total` leaves out an earlier deposit, which the next check finds.
      if (recordedFor(channelId) >= total) return watch();
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

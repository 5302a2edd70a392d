/** When what channels owe is claimed and paid out, and what happens when the chain is away. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { Receivable, Settlement, SettlementEvent, SettlementResult } from '../../ports/chain.ts';
import {
  type ChannelAccount,
  type ChannelClaims,
  CLAIM_BATCH_MAX,
  type ClaimOutcome,
} from '../../ports/claims.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

const CHECK_EVERY_MS = 5_000;
const REFRESH_EVERY_MS = 60_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 300_000;
const AWAITS_BACKUP =
  'What is claimed is paid out once you have proven the wallet’s backup; it is safe until then.';

export interface SettlementOptions {
  readonly claims: ChannelClaims;
  readonly clock: Clock;
  /** Claim and pay out when at least this much is owed; asked anew at each check. */
  readonly threshold: () => Amount;
  /**
   * Whether the payout has to wait because the payout address's key is on this machine alone. What is claimed
   * is safe from the payer, and goes nowhere before the owner has proven the backup. Default: never.
   */
  readonly awaitsBackup?: () => boolean;
}

/** A {@link Settlement} with its own schedule. */
export interface ScheduledSettlement extends Settlement {
  /** Books what an earlier run left open, then checks every few seconds. */
  start(): void;
  /** Ends the schedule and waits for what runs; claims nothing by itself. */
  stop(): Promise<void>;
}

/**
 * `settleNow` fails with what kept it (`chain-unavailable`, `insufficient-funds`, …), after a `waiting` event,
 * and is tried again with growing pauses. Events come before an outcome is acknowledged: a listener that
 * throws, or a crash, brings the same outcome again, with the same transaction hash.
 */
export function createSettlement(options: SettlementOptions): ScheduledSettlement {
  const { claims, clock } = options;
  const awaitsBackup = options.awaitsBackup ?? (() => false);
  const listeners = new Set<(event: SettlementEvent) => void>();
  /** Channels whose voucher the chain refuses: they must not hold the others up. */
  const refused = new Set<string>();
  let activity: 'idle' | 'claiming' | 'settling' = 'idle';
  let chainAway = false;
  /** What failed last and is to be tried again. */
  let overdue: 'recovery' | 'settlement' | null = null;
  let failures = 0;
  let retryAtMs = 0;
  let running: Promise<SettlementResult> | null = null;
  let timers: Timer[] = [];

  const emit = (event: SettlementEvent): void => {
    for (const listener of listeners) listener(event);
  };

  /** Tells the listeners, and only then lets the outbox forget. */
  function book(outcome: ClaimOutcome): void {
    emit(outcome);
    claims.acknowledge(outcome);
  }

  function owing(): readonly ChannelAccount[] {
    return claims
      .accounts()
      .filter((account) => account.charged > account.claimed && !refused.has(account.channelId))
      .sort((a, b) => compare(owedBy(b), owedBy(a)));
  }

  async function run(): Promise<SettlementResult> {
    const outcomes: ClaimOutcome[] = [];
    const keep = (outcome: ClaimOutcome | null): void => {
      if (outcome === null) return;
      book(outcome);
      outcomes.push(outcome);
    };
    for (const outcome of await claims.recover()) keep(outcome);
    activity = 'claiming';
    const ids = owing().map((account) => account.channelId);
    for (let index = 0; index < ids.length; index += CLAIM_BATCH_MAX) {
      await claimBatch(ids.slice(index, index + CLAIM_BATCH_MAX), keep);
    }
    if (awaitsBackup()) {
      if (hasUnpaid()) emit({ type: 'waiting', reason: AWAITS_BACKUP });
    } else {
      activity = 'settling';
      keep(await claims.settle());
    }
    return toResult(outcomes);
  }

  /** One bad voucher fails a whole claim on chain, so a refused batch is halved until the bad one stands alone. */
  async function claimBatch(
    ids: readonly string[],
    keep: (outcome: ClaimOutcome | null) => void,
  ): Promise<void> {
    try {
      keep(await claims.claim(ids));
    } catch (error) {
      if (!isAppError(error, 'payment-required')) throw error;
      const [only] = ids;
      if (ids.length === 1 && only !== undefined) {
        refused.add(only);
        emit({ type: 'waiting', reason: `The chain refuses the voucher of channel ${only}.` });
        return;
      }
      const half = Math.ceil(ids.length / 2);
      await claimBatch(ids.slice(0, half), keep);
      await claimBatch(ids.slice(half), keep);
    }
  }

  function noteSuccess(): void {
    overdue = null;
    failures = 0;
    retryAtMs = 0;
    chainAway = false;
  }

  function noteFailure(what: 'recovery' | 'settlement', error: unknown): void {
    overdue = what;
    chainAway = isAppError(error, 'chain-unavailable', 'chain-mismatch');
    retryAtMs = clock.now() + Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 20));
    failures += 1;
    emit({ type: 'waiting', reason: reasonOf(error) });
  }

  function settleNow(): Promise<SettlementResult> {
    running ??= run()
      .then(
        (result) => {
          noteSuccess();
          return result;
        },
        (error: unknown) => {
          noteFailure('settlement', error);
          throw error;
        },
      )
      .finally(() => {
        activity = 'idle';
        running = null;
      });
    return running;
  }

  function isDue(): boolean {
    if (overdue === 'settlement') return true;
    const accounts = owing();
    const owed = accounts.reduce((sum, account) => sum + owedBy(account), 0n);
    if (owed > 0n && (owed >= options.threshold() || accounts.some((account) => account.withdrawing)))
      return true;
    // Claimed by an earlier run that ended before the payout, or before the backup was proven.
    return hasUnpaid() && !awaitsBackup();
  }

  function hasUnpaid(): boolean {
    return claims.accounts().some((account) => account.claimed > account.settled);
  }

  function check(): void {
    if (running !== null || clock.now() < retryAtMs) return;
    if (overdue === 'recovery') void recoverEarlier();
    // A failure was told by a `waiting` event and is tried again.
    else if (isDue()) settleNow().catch(() => undefined);
  }

  function refresh(): void {
    claims.refresh().then(
      () => {
        chainAway = false;
        check();
      },
      (error: unknown) => {
        // Nothing is owed to the chain by a look at it; the next settlement says what is wrong.
        chainAway = isAppError(error, 'chain-unavailable', 'chain-mismatch');
      },
    );
  }

  /** Books what an earlier run sent and could not book. */
  async function recoverEarlier(): Promise<void> {
    try {
      for (const outcome of await claims.recover()) book(outcome);
      noteSuccess();
    } catch (error) {
      noteFailure('recovery', error);
    }
  }

  return {
    settleNow,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    receivables() {
      return claims
        .accounts()
        .filter((account) => account.charged > account.settled)
        .map((account) => ({
          channelId: account.channelId,
          payer: account.payer,
          owed: owedBy(account),
          claimed: amount(account.claimed - account.settled),
          reason: reasonFor(account),
        }));
    },
    start() {
      void recoverEarlier();
      timers = [clock.every(CHECK_EVERY_MS, check), clock.every(REFRESH_EVERY_MS, refresh)];
    },
    async stop() {
      for (const timer of timers) timer.cancel();
      timers = [];
      await running?.catch(() => undefined);
    },
  };

  function reasonFor(account: ChannelAccount): Receivable['reason'] {
    if (activity !== 'idle') return activity;
    if (chainAway) return 'chain-unavailable';
    if (awaitsBackup() && account.claimed > account.settled && owedBy(account) === ZERO) {
      return 'wallet-not-backed-up';
    }
    const owed = owing().reduce((sum, account) => sum + owedBy(account), 0n);
    return overdue === 'settlement' || owed >= options.threshold()
      ? 'waiting-for-schedule'
      : 'below-threshold';
  }
}

function owedBy(account: ChannelAccount): Amount {
  return account.charged > account.claimed ? amount(account.charged - account.claimed) : ZERO;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toResult(outcomes: readonly ClaimOutcome[]): SettlementResult {
  const settled = outcomes.filter((outcome) => outcome.type === 'settled');
  const last = settled.at(-1);
  return {
    claims: outcomes.filter((outcome) => outcome.type === 'claimed'),
    settle:
      last === undefined
        ? null
        : { tx: last.tx, amount: amount(settled.reduce((sum, outcome) => sum + outcome.amount, 0n)) },
  };
}

/** One plain sentence. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return 'The settlement failed and is tried again.';
}

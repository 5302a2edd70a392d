/** When what channels owe is claimed and paid out, and what happens when the chain is away. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { ReceivableReason } from '../../../shared/receivables.ts';
import type { Receivable, Settlement, SettlementEvent, SettlementResult } from '../../ports/chain.ts';
import {
  type ChannelAccount,
  type ChannelClaims,
  CLAIM_BATCH_MAX,
  type ClaimOutcome,
} from '../../ports/claims.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import {
  type CoinPrice,
  inToken,
  isOld,
  isWorthItLate,
  owedBy,
  type PolicyTerms,
  worthOf,
} from './policy.ts';

const CHECK_EVERY_MS = 5_000;
const REFRESH_EVERY_MS = 60_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 300_000;
/** Operating systems give a program a few seconds before they sleep. */
const BEFORE_SLEEP_MS_MAX = 4_000;
const AWAITS_BACKUP =
  'What is claimed is paid out once you have proven the wallet’s backup; it is safe until then.';

export interface SettlementOptions {
  readonly claims: ChannelClaims;
  readonly clock: Clock;
  /** Claim and pay out when at least this much is owed; asked anew at each check. */
  readonly threshold: () => Amount;
  /** What the chain's coin is worth; null where nobody has said. Default: never known. */
  readonly coinPrice?: () => CoinPrice | null;
  /**
   * Whether the payout has to wait because the payout address's key is on this machine alone. What is claimed
   * is safe from the payer, and goes nowhere before the owner has proven the backup. Default: never.
   */
  readonly awaitsBackup?: () => boolean;
}

/** A {@link Settlement} with its own schedule. */
export interface ScheduledSettlement extends Settlement {
  /** Books what an earlier run left open, looks for withdrawals, then checks every few seconds. */
  start(): void;
  /** Ends the schedule and waits for what runs; claims nothing by itself. */
  stop(): Promise<void>;
}

/** What kept the last try from ending well. */
type Obstacle = Extract<
  ReceivableReason,
  'chain-unavailable' | 'chain-disagrees' | 'no-coin-for-fee' | 'settlement-failed'
>;

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
  /** Channels whose claim or payout the chain dropped and that wait for the next one. */
  const undone = new Set<string>();
  let activity: 'idle' | 'claiming' | 'settling' = 'idle';
  let obstacle: Obstacle | null = null;
  /** What failed last and is to be tried again. */
  let overdue: 'recovery' | 'settlement' | null = null;
  let failures = 0;
  let retryAtMs = 0;
  let fee: Amount | null = null;
  let running: Promise<SettlementResult> | null = null;
  /** Calls to the chain run one after another. */
  const inOrder = createInOrder();
  let timers: Timer[] = [];
  let stopFinding: (() => void) | null = null;

  const emit = (event: SettlementEvent): void => {
    for (const listener of listeners) listener(event);
  };

  /** Tells the listeners, and only then lets the outbox forget. */
  function book(outcome: ClaimOutcome): void {
    emit(outcome);
    claims.acknowledge(outcome);
    if (outcome.type === 'undone') for (const id of outcome.channelIds) undone.add(id);
    else if (outcome.type === 'settled') undone.clear();
  }

  function owing(): readonly ChannelAccount[] {
    return claims
      .accounts()
      .filter((account) => account.charged > account.claimed && !refused.has(account.channelId))
      .sort((a, b) => compare(owedBy(b), owedBy(a)));
  }

  const sumOf = (accounts: readonly ChannelAccount[]): bigint =>
    accounts.reduce((sum, account) => sum + owedBy(account), 0n);
  const terms = (): PolicyTerms => ({ threshold: options.threshold(), fee });

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
    // What somebody else claimed meanwhile is booked before its payout.
    for (const outcome of await claims.recover()) keep(outcome);
    if (awaitsBackup()) {
      if (claims.unpaid() > 0n) emit({ type: 'waiting', reason: AWAITS_BACKUP });
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
    obstacle = null;
  }

  function noteFailure(what: 'recovery' | 'settlement', error: unknown): void {
    overdue = what;
    obstacle = obstacleOf(error);
    retryAtMs = clock.monotonic() + Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 20));
    failures += 1;
    emit({ type: 'waiting', reason: reasonOf(error) });
  }

  function settleNow(): Promise<SettlementResult> {
    running ??= inOrder(run)
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
    const owed = sumOf(accounts);
    if (owed > 0n) {
      if (accounts.some((account) => account.withdrawing)) return true;
      if (worthOf(owed, terms()) === 'due') return true;
      if (isOld(accounts, clock.now()) && isWorthItLate(owed, terms())) return true;
    }
    // Claimed by an earlier run that ended before the payout, or before the backup was proven.
    return claims.unpaid() > 0n && !awaitsBackup();
  }

  function check(): void {
    if (running !== null || clock.monotonic() < retryAtMs) return;
    if (overdue === 'recovery') void recover();
    // A failure was told by a `waiting` event and is tried again.
    else if (isDue()) settleNow().catch(() => undefined);
  }

  /** Looks at the chain: withdrawals that payers began, what others claimed for us, what was dropped, the fee. */
  async function look(): Promise<void> {
    await claims.refresh();
    for (const outcome of await claims.recover()) book(outcome);
    const price = options.coinPrice?.() ?? null;
    const channels = Math.min(owing().length, CLAIM_BATCH_MAX);
    fee = price === null ? null : inToken(await claims.fee(channels), price);
  }

  function refresh(): void {
    inOrder(look).then(
      () => {
        if (overdue === null) obstacle = null;
        check();
      },
      (error: unknown) => {
        // Nothing is owed to the chain by a look at it; the next settlement says what is wrong.
        obstacle = obstacleOf(error);
      },
    );
  }

  /** Books what an earlier run sent and could not book, or what came without a call of ours. */
  async function recover(): Promise<void> {
    try {
      await inOrder(async () => {
        for (const outcome of await claims.recover()) book(outcome);
      });
      if (overdue === 'recovery') noteSuccess();
    } catch (error) {
      noteFailure('recovery', error);
    }
  }

  return {
    settleNow,
    async beforeSleep() {
      if (!isWorthItLate(sumOf(owing()), terms()) && claims.unpaid() === 0n) return;
      const late = new Promise<void>((resolve) => void clock.after(BEFORE_SLEEP_MS_MAX, resolve));
      // Its failure was told by a `waiting` event.
      const done = settleNow().then(
        () => undefined,
        () => undefined,
      );
      await Promise.race([done, late]);
    },
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
          state: owedBy(account) > 0n ? ('owed' as const) : ('claimed' as const),
          reason: reasonFor(account),
        }));
    },
    start() {
      stopFinding = claims.onFound(() => void recover());
      void recover().then(refresh);
      timers = [clock.every(CHECK_EVERY_MS, check), clock.every(REFRESH_EVERY_MS, refresh)];
    },
    async stop() {
      stopFinding?.();
      for (const timer of timers) timer.cancel();
      timers = [];
      await running?.catch(() => undefined);
    },
  };

  /** The first that applies, from what is so for this channel alone to what is so for all. */
  function reasonFor(account: ChannelAccount): Receivable['reason'] {
    const isOwed = owedBy(account) > 0n;
    if (isOwed && refused.has(account.channelId)) return 'voucher-refused';
    if (claims.isConfirming()) return 'confirming';
    if (activity === 'claiming') return isOwed ? 'claiming' : 'settling';
    if (activity === 'settling') return 'settling';
    if (obstacle !== null) return obstacle;
    if (undone.has(account.channelId)) return 'undone-by-chain';
    if (!isOwed) return awaitsBackup() ? 'wallet-not-backed-up' : 'waiting-for-schedule';
    if (account.withdrawing) return 'payer-withdrawing';
    if (isDue()) return 'waiting-for-schedule';
    const worth = worthOf(sumOf(owing()), terms());
    return worth === 'due' ? 'waiting-for-schedule' : worth;
  }
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

function obstacleOf(error: unknown): Obstacle {
  if (isAppError(error, 'chain-unavailable')) return 'chain-unavailable';
  if (isAppError(error, 'chain-mismatch')) return 'chain-disagrees';
  if (isAppError(error, 'insufficient-funds')) return 'no-coin-for-fee';
  return 'settlement-failed';
}

/** One plain sentence. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return 'The settlement failed and is tried again.';
}

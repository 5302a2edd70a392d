/**
 * Schedules settlement: decides when the balance due of all channels is claimed and paid out, and retries while the
 * chain is unavailable.
 */
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { Amount } from '../../../shared/money.ts';
import type {
  CoinPrice,
  Receivable,
  Settlement,
  SettlementEvent,
  SettlementResult,
} from '../../ports/chain.ts';
import {
  type ChannelAccount,
  type ChannelClaims,
  CLAIM_BATCH_MAX,
  type ClaimOutcome,
} from '../../ports/claims.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import { type Log, silentLog } from '../../ports/log.ts';
import { coversFee, inToken, isOld, isWorthItLate, owedBy, type PolicyTerms, worthOf } from './policy.ts';
import { receivablesOf } from './receivables.ts';
import { Retry } from './retry.ts';
import { runSettlement } from './settlement-run.ts';

const CHECK_EVERY_MS = 5_000;
const REFRESH_EVERY_MS = 60_000;
/** Operating systems give a program a few seconds before they sleep. */
const BEFORE_SLEEP_MS_MAX = 4_000;
const AWAITS_BACKUP =
  'Claimed earnings are paid out once you have verified the wallet’s backup. They are safe until then.';

export interface SettlementOptions {
  readonly claims: ChannelClaims;
  readonly clock: Clock;
  /** Claims and pays out when at least this much is due; read at each check. */
  readonly threshold: () => Amount;
  /** Price of the native coin in the token; null where it is unknown. Default: always unknown. */
  readonly coinPrice?: () => CoinPrice | null;
  /**
   * Returns whether the payout has to wait because the key of the payout address exists on this machine alone.
   * Claimed money is safe from the payer, and goes nowhere before the owner has verified the backup. Default: never.
   */
  readonly awaitsBackup?: () => boolean;
  /** Default: no log. */
  readonly log?: Log;
}

/** A {@link Settlement} with its own schedule. */
export interface ScheduledSettlement extends Settlement {
  /** Records what an earlier run left open, checks for withdrawals, then checks every few seconds. */
  start(): void;
  /** Ends the schedule and waits for a run in progress; claims nothing more. */
  stop(): Promise<void>;
}

/**
 * `settleNow` fails with the cause (`chain-unavailable`, `insufficient-funds`, …) after a `waiting` event, and is
 * retried with growing pauses. Events are emitted before an outcome is acknowledged: after a listener that throws,
 * or a crash, the same outcome is delivered again with the same transaction hash.
 */
export function createSettlement(options: SettlementOptions): ScheduledSettlement {
  return new Settler(options);
}

class Settler implements ScheduledSettlement {
  readonly #claims: ChannelClaims;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #threshold: () => Amount;
  readonly #coinPrice: () => CoinPrice | null;
  readonly #awaitsBackup: () => boolean;
  readonly #retry: Retry;
  readonly #listeners = new Set<(event: SettlementEvent) => void>();
  /**
   * Channels whose voucher the chain rejects, with the charge that it covers: they must not block the others, and a
   * newer voucher deserves another attempt.
   */
  readonly #refused = new Map<string, Amount>();
  /** Channels whose claim or payout the chain dropped and that wait for the next one. */
  readonly #undone = new Set<string>();
  #activity: 'idle' | 'claiming' | 'settling' = 'idle';
  /** Fee of claim and payout in the coin; null while it is unknown. */
  #feeCoin: Amount | null = null;
  #running: Promise<SettlementResult> | null = null;
  /** Everything that queries the chain runs one after the other. */
  readonly #inOrder = createInOrder();
  #timers: Timer[] = [];
  #stopFinding: (() => void) | null = null;

  constructor(options: SettlementOptions) {
    this.#claims = options.claims;
    this.#clock = options.clock;
    this.#log = options.log ?? silentLog;
    this.#threshold = options.threshold;
    this.#coinPrice = options.coinPrice ?? (() => null);
    this.#awaitsBackup = options.awaitsBackup ?? (() => false);
    this.#retry = new Retry(options.clock);
  }

  settleNow(): Promise<SettlementResult> {
    this.#running ??= this.#inOrder(() => this.#run())
      .then(
        (result) => {
          this.#retry.succeeded();
          return result;
        },
        (error: unknown) => {
          this.#fail('settlement', error);
          throw error;
        },
      )
      .finally(() => {
        this.#activity = 'idle';
        this.#running = null;
      });
    return this.#running;
  }

  async beforeSleep(): Promise<void> {
    if (!isWorthItLate(this.#owed(), this.#terms()) && this.#claims.unpaid() === 0n) return;
    const late = new Promise<void>((resolve) => void this.#clock.after(BEFORE_SLEEP_MS_MAX, resolve));
    await Promise.race([this.#settleLogged(), late]);
  }

  onEvent(listener: (event: SettlementEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  receivables(): readonly Receivable[] {
    const accounts = this.#claims.accounts();
    return receivablesOf(accounts, {
      refused: new Set(accounts.filter((one) => this.#isRefused(one)).map(({ channelId }) => channelId)),
      undone: this.#undone,
      isConfirming: this.#claims.isConfirming(),
      activity: this.#activity,
      obstacle: this.#retry.obstacle,
      awaitsBackup: this.#awaitsBackup(),
      isDue: this.#isDue(),
      worth: worthOf(this.#owed(), this.#terms()),
    });
  }

  fee(): Amount | null {
    return this.#feeCoin;
  }

  start(): void {
    this.#stopFinding = this.#claims.onFound(() => void this.#recover());
    void this.#recover().then(() => this.#refresh());
    this.#timers = [
      this.#clock.every(CHECK_EVERY_MS, () => this.#check()),
      this.#clock.every(REFRESH_EVERY_MS, () => this.#refresh()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopFinding?.();
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    // A failure was reported by a `waiting` event.
    await this.#running?.catch(() => undefined);
  }

  #emit(event: SettlementEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Notifies the listeners, and only then lets the outbox forget. */
  #book(outcome: ClaimOutcome): void {
    this.#emit(outcome);
    this.#claims.acknowledge(outcome);
    if (outcome.type === 'undone') for (const id of outcome.channelIds) this.#undone.add(id);
    else if (outcome.type === 'settled') this.#undone.clear();
  }

  /** Channels that can be claimed from, the largest balance due first. */
  #owing(): readonly ChannelAccount[] {
    return this.#claims
      .accounts()
      .filter((account) => account.charged > account.claimed && !this.#isRefused(account))
      .sort((left, right) => compare(owedBy(right), owedBy(left)));
  }

  #isRefused({ channelId, charged }: ChannelAccount): boolean {
    return this.#refused.get(channelId) === charged;
  }

  #owed(): bigint {
    return this.#owing().reduce((sum, account) => sum + owedBy(account), 0n);
  }

  #terms(): PolicyTerms {
    const price = this.#coinPrice();
    const fee = price === null || this.#feeCoin === null ? null : inToken(this.#feeCoin, price);
    return { threshold: this.#threshold(), fee };
  }

  #run(): Promise<SettlementResult> {
    /** Charges at the time of the claim: a voucher that arrives meanwhile was not rejected. */
    const charges = new Map<string, Amount>();
    return runSettlement({
      claims: this.#claims,
      due: () =>
        this.#owing().map(({ channelId, charged }) => {
          charges.set(channelId, charged);
          return channelId;
        }),
      book: (outcome) => this.#book(outcome),
      onRefused: (channelId) => {
        const charged = charges.get(channelId);
        if (charged !== undefined) this.#refused.set(channelId, charged);
        this.#emit({ type: 'waiting', reason: `The chain rejects the voucher of channel ${channelId}.` });
      },
      onActivity: (activity) => {
        this.#activity = activity;
      },
      onPayoutHeld: () => this.#emit({ type: 'waiting', reason: AWAITS_BACKUP }),
      awaitsBackup: this.#awaitsBackup,
    });
  }

  /** Settles; a failure was reported by a `waiting` event and is retried. */
  #settleLogged(): Promise<void> {
    return this.settleNow().then(
      () => undefined,
      (error: unknown) => this.#log.debug('Settlement will be retried', { cause: reasonOf(error) }),
    );
  }

  #fail(step: 'recovery' | 'settlement', error: unknown): void {
    this.#retry.failed(step, error);
    if (error instanceof AppError)
      this.#log.warn(`The ${step} failed`, { code: error.code, cause: error.message });
    else this.#log.error(`The ${step} failed unexpectedly`, error);
    this.#emit({ type: 'waiting', reason: reasonOf(error) });
  }

  #isDue(): boolean {
    if (this.#retry.overdue === 'settlement') return true;
    const accounts = this.#owing();
    const owed = this.#owed();
    if (owed > 0n) {
      if (accounts.some((account) => account.withdrawing) && coversFee(owed, this.#terms())) return true;
      if (worthOf(owed, this.#terms()) === 'due') return true;
      if (isOld(accounts, this.#clock.now()) && isWorthItLate(owed, this.#terms())) return true;
    }
    // Claimed by an earlier run that ended before the payout, or before the backup was verified.
    return this.#claims.unpaid() > 0n && !this.#awaitsBackup();
  }

  #check(): void {
    if (this.#running !== null || this.#retry.isTooEarly()) return;
    if (this.#retry.overdue === 'recovery') void this.#recover();
    else if (this.#isDue()) void this.#settleLogged();
  }

  /** Reads the chain: withdrawals that payers began, claims by others, dropped transactions, the fee. */
  async #readChain(): Promise<void> {
    await this.#claims.refresh();
    for (const outcome of await this.#claims.recover()) this.#book(outcome);
    this.#feeCoin = await this.#claims.fee(Math.min(this.#owing().length, CLAIM_BATCH_MAX));
  }

  #refresh(): void {
    this.#inOrder(() => this.#readChain()).then(
      () => {
        this.#retry.checkSucceeded();
        this.#check();
      },
      (error: unknown) => {
        // Reading the chain leaves nothing to retry; the next settlement reports what is wrong.
        this.#retry.checkFailed(error);
        this.#log.debug('Could not read the channels on-chain', { cause: reasonOf(error) });
      },
    );
  }

  /** Records what an earlier run sent and could not record, or what happened on-chain without a call from here. */
  async #recover(): Promise<void> {
    try {
      await this.#inOrder(async () => {
        for (const outcome of await this.#claims.recover()) this.#book(outcome);
      });
      if (this.#retry.overdue === 'recovery') this.#retry.succeeded();
    } catch (error) {
      this.#fail('recovery', error);
    }
  }
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Returns one plain sentence. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return 'The payout failed. Your earnings are still recorded here. Idlewatt retries automatically.';
}

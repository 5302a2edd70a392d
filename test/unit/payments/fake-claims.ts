/** Channels and their chain in memory, with every failure selectable, and a settlement on them: for tests. */
import { type CoinPrice, createSettlement } from '../../../main/core/payments/index.ts';
import type { SettlementEvent } from '../../../main/ports/chain.ts';
import type { ChannelAccount, ChannelClaims, ClaimOutcome } from '../../../main/ports/claims.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

type WritableAccount = { -readonly [K in keyof ChannelAccount]: ChannelAccount[K] };

export class FakeClaims implements ChannelClaims {
  readonly batches: (readonly string[])[] = [];
  readonly unacknowledged = new Map<string, ClaimOutcome>();
  /** The chain cannot be reached. */
  away = false;
  /** The chain's nodes disagree. */
  mismatch = false;
  /** There is no coin for the fee. */
  poor = false;
  /** The network fee exceeds the sender's limit. */
  costly = false;
  /** Every call fails with an unexpected error. */
  broken = false;
  /** Channel whose voucher the chain rejects. */
  bad: string | null = null;
  confirming = false;
  /** Claims wait for this. */
  stall: Promise<void> | null = null;
  feeCoin = 0n;
  now: () => number = () => 0;
  readonly #accounts = new Map<string, WritableAccount>();
  readonly #found = new Set<() => void>();
  #paidOut = 0n;
  #blockNumber = 0;

  /** Sets what a channel was charged so far. */
  owe(channelId: string, charged: bigint, withdrawing = false): void {
    const before = this.#accounts.get(channelId);
    this.#accounts.set(channelId, {
      channelId,
      payer: '0xpayer',
      charged: amount(charged),
      claimed: before?.claimed ?? ZERO,
      settled: before?.settled ?? ZERO,
      withdrawing,
      owedSinceMs: this.now(),
    });
  }

  /** Reports an outcome that no call brought. */
  announce(): void {
    for (const listener of this.#found) listener();
  }

  /** The chain drops a payout that included this channel. */
  undo(hash: string, channelId: string, value: bigint): void {
    const account = this.#account(channelId);
    account.claimed = amount(account.claimed - value);
    account.settled = amount(account.settled - value);
    this.#paidOut -= value;
    this.unacknowledged.set(hash, {
      type: 'undone',
      what: 'settled',
      tx: { hash, blockNumber: 1, fee: amount(7n) },
      channelIds: [channelId],
    });
  }

  accounts(): readonly ChannelAccount[] {
    return [...this.#accounts.values()].map((account) => ({ ...account }));
  }

  async recover(): Promise<readonly ClaimOutcome[]> {
    this.#reach();
    return [...this.unacknowledged.values()];
  }

  async claim(channelIds: readonly string[]): Promise<ClaimOutcome | null> {
    this.#reach();
    this.batches.push(channelIds);
    await this.stall;
    if (this.bad !== null && channelIds.includes(this.bad)) {
      throw new AppError('payment-required', 'The chain refuses a voucher.');
    }
    const channels = channelIds.map((channelId) => {
      const account = this.#account(channelId);
      const added: Amount = amount(account.charged - account.claimed);
      account.claimed = account.charged;
      return { channelId, amount: added, claimedTotal: account.charged };
    });
    return this.#keep({ type: 'claimed', tx: this.#mined(), channels });
  }

  async settle(): Promise<ClaimOutcome | null> {
    this.#reach();
    const paid = this.unpaid();
    if (paid === 0n) return null;
    this.#paidOut += paid;
    for (const account of this.#accounts.values()) account.settled = account.claimed;
    return this.#keep({ type: 'settled', tx: this.#mined(), amount: paid });
  }

  acknowledge(outcome: ClaimOutcome): void {
    this.unacknowledged.delete(outcome.tx.hash);
  }

  async refresh(): Promise<void> {
    this.#reach();
  }

  unpaid(): Amount {
    const claimed = [...this.#accounts.values()].reduce((sum, account) => sum + account.claimed, 0n);
    return amount(claimed - this.#paidOut);
  }

  isConfirming(): boolean {
    return this.confirming;
  }

  async fee(): Promise<Amount> {
    this.#reach();
    return amount(this.feeCoin);
  }

  onFound(listener: () => void): () => void {
    this.#found.add(listener);
    return () => this.#found.delete(listener);
  }

  #reach(): void {
    if (this.mismatch) throw new AppError('chain-mismatch', 'The chain’s nodes contradict each other.');
    if (this.poor) throw new AppError('insufficient-funds', 'There is not enough coin for the network fee.');
    if (this.costly) throw new AppError('fee-too-high', 'The network fee is above the limit.');
    if (this.broken) throw new Error('a bug');
    if (this.away) throw new AppError('chain-unavailable', 'The chain cannot be reached.');
  }

  #account(channelId: string): WritableAccount {
    const account = this.#accounts.get(channelId);
    if (account === undefined) throw new Error('unknown channel');
    return account;
  }

  #mined() {
    this.#blockNumber += 1;
    return { hash: `0x${this.#blockNumber}`, blockNumber: this.#blockNumber, fee: amount(7n) };
  }

  #keep(outcome: ClaimOutcome): ClaimOutcome {
    this.unacknowledged.set(outcome.tx.hash, outcome);
    return outcome;
  }
}

export function setUp(
  threshold = 1_000n,
  awaitsBackup = () => false,
  coinPrice: () => CoinPrice | null = () => null,
) {
  const claims = new FakeClaims();
  const steady = manualClock(1_800_000_000_000);
  let skewMs = 0;
  /** Moves the time of day; durations are not affected. */
  const jump = (byMs: number): void => {
    skewMs += byMs;
  };
  const clock = { ...steady, now: () => steady.now() + skewMs, jump };
  claims.now = () => clock.now();
  const log = createRecordingLog();
  const settlement = createSettlement({
    claims,
    clock,
    threshold: () => amount(threshold),
    awaitsBackup,
    coinPrice,
    log,
  });
  const events: SettlementEvent[] = [];
  settlement.onEvent((event) => events.push(event));
  return { claims, clock, settlement, events, log };
}

/** Lets everything that waits for resolved promises continue. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

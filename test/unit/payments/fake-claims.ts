/** Channels and their chain in memory, with every fault at hand, and a settlement on them: for tests. */
import { type CoinPrice, createSettlement } from '../../../main/core/payments/index.ts';
import type { SettlementEvent } from '../../../main/ports/chain.ts';
import type { ChannelAccount, ChannelClaims, ClaimOutcome } from '../../../main/ports/claims.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

export interface FakeClaims extends ChannelClaims {
  readonly batches: (readonly string[])[];
  readonly unacknowledged: Map<string, ClaimOutcome>;
  away: boolean;
  bad: string | null;
  owe(channelId: string, charged: bigint, withdrawing?: boolean): void;
  looks: number;
  confirming: boolean;
  poor: boolean;
  stall: Promise<void> | null;
  mismatch: boolean;
  broken: boolean;
  feeCoin: bigint;
  now: () => number;
  announce(): void;
  undo(hash: string, channelId: string, value: bigint): void;
}

export function fakeClaims(): FakeClaims {
  const accounts = new Map<string, { -readonly [K in keyof ChannelAccount]: ChannelAccount[K] }>();
  const unacknowledged = new Map<string, ClaimOutcome>();
  let paidOut = 0n;
  let blockNumber = 0;
  const mined = () => {
    blockNumber += 1;
    return { hash: `0x${blockNumber}`, blockNumber, fee: amount(7n) };
  };
  const found = new Set<() => void>();
  const reach = (): void => {
    if (fake.mismatch) throw new AppError('chain-mismatch', 'The chain’s nodes contradict each other.');
    if (fake.poor) throw new AppError('insufficient-funds', 'There is not enough coin for the network fee.');
    if (fake.broken) throw new Error('a bug');
    if (fake.away) throw new AppError('chain-unavailable', 'The chain cannot be reached.');
  };
  const fake: FakeClaims = {
    batches: [],
    unacknowledged,
    away: false,
    bad: null,
    looks: 0,
    confirming: false,
    poor: false,
    stall: null,
    mismatch: false,
    broken: false,
    feeCoin: 0n,
    now: () => 0,
    owe: (channelId, charged, withdrawing = false) =>
      void accounts.set(channelId, {
        channelId,
        payer: '0xpayer',
        charged: amount(charged),
        claimed: accounts.get(channelId)?.claimed ?? ZERO,
        settled: accounts.get(channelId)?.settled ?? ZERO,
        withdrawing,
        owedSinceMs: fake.now(),
      }),
    accounts: () => [...accounts.values()].map((account) => ({ ...account })),
    async recover() {
      reach();
      return [...unacknowledged.values()];
    },
    async claim(channelIds) {
      reach();
      fake.batches.push(channelIds);
      await fake.stall;
      if (fake.bad !== null && channelIds.includes(fake.bad)) {
        throw new AppError('payment-required', 'The chain refuses a voucher.');
      }
      const channels = channelIds.map((channelId) => {
        const account = accounts.get(channelId);
        if (account === undefined) throw new Error('unknown channel');
        const added: Amount = amount(account.charged - account.claimed);
        account.claimed = account.charged;
        return { channelId, amount: added, claimedTotal: account.charged };
      });
      const outcome: ClaimOutcome = { type: 'claimed', tx: mined(), channels };
      unacknowledged.set(outcome.tx.hash, outcome);
      return outcome;
    },
    async settle() {
      reach();
      const claimed = [...accounts.values()].reduce((sum, account) => sum + account.claimed, 0n);
      if (claimed === paidOut) return null;
      const outcome: ClaimOutcome = { type: 'settled', tx: mined(), amount: amount(claimed - paidOut) };
      paidOut = claimed;
      for (const account of accounts.values()) account.settled = account.claimed;
      unacknowledged.set(outcome.tx.hash, outcome);
      return outcome;
    },
    acknowledge: (outcome) => void unacknowledged.delete(outcome.tx.hash),
    async refresh() {
      reach();
      fake.looks += 1;
    },
    unpaid() {
      const claimed = [...accounts.values()].reduce((sum, account) => sum + account.claimed, 0n);
      return amount(claimed - paidOut);
    },
    isConfirming: () => fake.confirming,
    async fee() {
      reach();
      return amount(fake.feeCoin);
    },
    onFound(listener) {
      found.add(listener);
      return () => found.delete(listener);
    },
    announce() {
      for (const listener of found) listener();
    },
    undo(hash, channelId, value) {
      const account = accounts.get(channelId);
      if (account === undefined) throw new Error('unknown channel');
      account.claimed = amount(account.claimed - value);
      account.settled = amount(account.settled - value);
      paidOut -= value;
      unacknowledged.set(hash, {
        type: 'undone',
        what: 'settled',
        tx: { hash, blockNumber: 1, fee: amount(7n) },
        channelIds: [channelId],
      });
    },
  };
  return fake;
}

export function setUp(
  threshold = 1_000n,
  awaitsBackup = () => false,
  coinPrice: () => CoinPrice | null = () => null,
) {
  const claims = fakeClaims();
  const steady = manualClock(1_800_000_000_000);
  let skewMs = 0;
  /** Only what the day's clock says jumps; durations go on. */
  const jump = (byMs: number): void => {
    skewMs += byMs;
  };
  const clock = { ...steady, now: () => steady.now() + skewMs, jump };
  claims.now = () => clock.now();
  const settlement = createSettlement({
    claims,
    clock,
    threshold: () => amount(threshold),
    awaitsBackup,
    coinPrice,
  });
  const events: SettlementEvent[] = [];
  settlement.onEvent((event) => events.push(event));
  return { claims, clock, settlement, events };
}

/** Takes channel deposits back, on the owner's demand and automatically from providers that failed, and records them. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type {
  BoughtChannelState,
  ChannelReturns,
  PaidProvider,
  ReturnedDeposit,
  Withdrawal,
} from '../../ports/payments.ts';
import type { Ledger } from '../ledger/index.ts';

export interface DepositReturnParts {
  readonly returns: ChannelReturns;
  readonly ledger: Pick<Ledger, 'refunded' | 'sumForChannel' | 'bookedOnChannel'>;
  readonly assetId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** True if a provider took payments and hasn't delivered more than it failed. */
  readonly hasFailed: (peer: string) => boolean;
  readonly providerOf: (peer: string) => PaidProvider;
  /** Called after an entry was recorded. */
  readonly changed: () => void;
}

export interface DepositReturns {
  list(): Promise<readonly BoughtChannelState[]>;
  /** Through the provider. Fails with `payment-required` or `peer-unreachable` if it doesn't cooperate. */
  refund(channelId: string): Promise<void>;
  /** On the chain: starts, or finishes after the delay. */
  withdraw(channelId: string): Promise<Withdrawal>;
  /**
   * Records what came back without a request of this run. Then, every ten minutes, takes deposits back from providers
   * that failed, and finishes withdrawals.
   */
  start(): Timer;
}

const CHECK_EVERY_MS = 600_000;
/** A provider that failed keeps its deposit for this long: its owner may have come back. */
const FAILED_AFTER_MS = 600_000;
/** Time for a provider to cooperate before a withdrawal, which costs a network fee, is started automatically. */
const WITHDRAW_AFTER_MS = 86_400_000;
/** Smaller amounts, in base units, may be worth less than the two fees. */
const WITHDRAW_AUTOMATICALLY_MIN = 50_000n;

export function createDepositReturns(parts: DepositReturnParts): DepositReturns {
  const { returns, ledger, assetId, clock, log, changed } = parts;

  function record(deposits: readonly ReturnedDeposit[]): void {
    for (const { channelId, txHash, amount } of deposits) {
      if (ledger.refunded({ txHash, channelId, assetId, amount }) !== 'posted') continue;
      log.info('A deposit came back', { channelId, tx: txHash, amount: amount.toString() });
      changed();
    }
  }

  async function refund(channelId: string): Promise<void> {
    const channel = (await returns.channels()).find((each) => each.channelId === channelId);
    if (channel === undefined)
      throw new AppError('not-found', 'Channel not found.', { details: { channelId } });
    if (channel.left === 0n) throw new AppError('bad-request', 'Nothing is left in this channel.');
    record(await returns.refund(parts.providerOf(channel.peer), channelId));
  }

  async function withdraw(channelId: string): Promise<Withdrawal> {
    const result = await returns.withdraw(channelId);
    if (result.kind === 'returned') record([result.deposit]);
    else log.info('A withdrawal is waiting for its delay', { channelId, readyAtMs: result.readyAtMs });
    return result;
  }

  /** Decides on one channel; its failures don't affect the others. */
  async function check({ channelId, peer, left, lastUsedMs, withdrawal }: BoughtChannelState): Promise<void> {
    const idleMs = clock.now() - lastUsedMs;
    if (withdrawal !== null) {
      if (withdrawal.readyAtMs <= clock.now()) await withdraw(channelId);
      return;
    }
    if (left === 0n || !parts.hasFailed(peer) || idleMs < FAILED_AFTER_MS) return;
    if (idleMs < WITHDRAW_AFTER_MS) await refund(channelId);
    else if (left >= WITHDRAW_AUTOMATICALLY_MIN) await withdraw(channelId);
  }

  /** A provider may refund at any time, and an earlier run may have ended before it recorded a refund. */
  async function recordFound(): Promise<void> {
    for (const { channelId, balance } of await returns.channels()) {
      const recorded =
        ledger.sumForChannel('channels:deposited', channelId) + ledger.bookedOnChannel('bought', channelId);
      if (recorded > balance) record(await returns.returned(channelId));
    }
  }

  async function checkAll(): Promise<void> {
    for (const channel of await returns.channels()) {
      await check(channel).catch((error: unknown) => reportFailure(error, channel));
    }
  }

  function reportFailure(error: unknown, { channelId, peer }: { channelId?: string; peer?: string }): void {
    const fields = { channelId, peer, cause: error instanceof Error ? error.message : String(error) };
    if (isAppError(error)) log.debug('A deposit did not come back yet', fields);
    else log.warn('A deposit did not come back yet', fields);
  }

  return {
    list: returns.channels,
    refund,
    withdraw,
    start() {
      // If the chain is unavailable, the next turn or the next start retries.
      const guarded = (run: () => Promise<void>) => run().catch((error: unknown) => reportFailure(error, {}));
      void guarded(recordFound);
      return clock.every(CHECK_EVERY_MS, () =>
        guarded(async () => {
          await recordFound();
          await checkAll();
        }),
      );
    },
  };
}

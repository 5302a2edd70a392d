/** Limits deposits: a small first one, more as the provider delivers valid receipts, and a sum per day. */
import type { BuyingLimits } from '../../../shared/buying-limits.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Log } from '../../ports/log.ts';
import type { DepositLimits, DepositNeed } from '../../ports/payments.ts';
import type { BudgetTime } from './budget-time.ts';
import type { DayTotals } from './day-totals.ts';
import { aboveLimit } from './passed-over.ts';
import { isTrusted, PENDING_MS, type PeerRecord, type PeerRecords } from './peer-records.ts';

/** A provider may hold this multiple of what its valid receipts add up to. */
const GROWTH_FACTOR = 4n;
/** A deposit for one large request may exceed the usual one by this factor. */
const DEPOSIT_FACTOR_MAX = 10n;
/** One deposit takes at most this part of the budget per day, unless the request requires more. */
const DAY_PARTS = 10n;
/** New providers that get a first deposit within 24 hours. */
export const NEW_PEERS_PER_DAY_MAX = 10;

export interface DepositLimitParts {
  readonly time: Pick<BudgetTime, 'now'>;
  readonly log: Log;
  readonly peers: PeerRecords;
  readonly day: DayTotals;
  readonly limits: () => BuyingLimits;
  /** Amount of a trusted provider's deposit, in base units. */
  readonly depositUsual: bigint;
}

export function createDepositLimits(parts: DepositLimitParts): DepositLimits {
  const { time, log, peers, day, limits, depositUsual } = parts;

  /** The provider's record; what an earlier version bought there counts as proven. */
  function recordOf({ peer, charged, held }: DepositNeed): PeerRecord {
    if (peers.find(peer) === null && charged > 0n) {
      peers.change(peer, (record) => ({ ...record, verified: charged, receipts: 1, isFunded: true }));
    }
    return peers.current(peer, held, (lapsed, signedAtMs) => day.takeBack({ deposited: lapsed }, signedAtMs));
  }

  /** Largest sum that the provider may hold beyond what its receipts prove. */
  function allowance({ verified }: PeerRecord): bigint {
    const grown = least(verified * GROWTH_FACTOR, depositUsual * DEPOSIT_FACTOR_MAX);
    const first = BigInt(limits().buyNewProviderMax);
    return grown > first ? grown : first;
  }

  function reserve(need: DepositNeed): Amount {
    const record = recordOf(need);
    const unproven = need.held + stillToCome(record, need.held) - record.verified;
    const left = allowance(record) - (unproven > 0n ? unproven : 0n);
    const total = day.get();
    const leftToday = BigInt(limits().buyDayMax) - total.deposited;
    const isNew = !isTrusted(record) && !record.isFunded;
    if (need.least > left) throw tooLarge(need, left);
    if (isNew && total.newPeers >= NEW_PEERS_PER_DAY_MAX) throw tooManyNew(need.peer);
    if (need.least > leftToday) throw spentToday();
    const usual = least(depositUsual, BigInt(limits().buyDayMax) / DAY_PARTS);
    const wanted = least(usual, record.verified * GROWTH_FACTOR);
    const sum = least(wanted > need.least ? wanted : need.least, least(left, leftToday));
    day.add({ deposited: sum, newPeers: isNew ? 1 : 0 });
    const untilMs = time.now() + PENDING_MS;
    peers.change(need.peer, (known) => ({
      ...known,
      isFunded: true,
      pending: [...known.pending, { amount: sum, untilMs, heldBefore: need.held }],
    }));
    return amount(sum);
  }

  return {
    channelsMax: (peer) => (isTrusted(peers.find(peer)) ? null : 1),
    reserve(need) {
      try {
        return reserve(need);
      } catch (error) {
        log.info('A deposit was not made', { peer: need.peer, cause: String(error) });
        throw error;
      }
    },
  };
}

/**
 * Deposits that were signed and may still reach the chain: what arrived since the oldest of them was signed is part of `held`
 * already, and must not count twice.
 */
function stillToCome({ pending }: PeerRecord, held: bigint): bigint {
  const signed = pending.reduce((sum, each) => sum + each.amount, 0n);
  const arrived = held - (pending[0]?.heldBefore ?? held);
  if (arrived <= 0n) return signed;
  return arrived < signed ? signed - arrived : 0n;
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function tooLarge({ peer, least: demanded }: DepositNeed, left: bigint): Error {
  return aboveLimit(
    'deposit_above_limit',
    'The provider requires a larger deposit than its receipts so far justify. Nothing was deposited.',
    { peer, least: demanded.toString(), allowed: (left > 0n ? left : 0n).toString() },
  );
}

function tooManyNew(peer: string): Error {
  return aboveLimit(
    'new_provider_limit',
    `${NEW_PEERS_PER_DAY_MAX} new providers got a deposit within 24 hours. No other new one gets money before that time is over.`,
    { peer },
  );
}

function spentToday(): Error {
  return aboveLimit(
    'daily_budget_spent',
    'The budget for 24 hours is used up. Raise “Budget per day” in the settings, or wait.',
  );
}

/** The buyer's budget: what a request may cost, at which price, and which providers it may pay. */
import type { BuyingLimits } from '../../../shared/buying-limits.ts';
import type { Price } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { DepositLimits } from '../../ports/payments.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import type { Uptime } from '../../ports/uptime.ts';
import { type BudgetTime, createBudgetTime } from './budget-time.ts';
import { createDayTotals, type RecordPlace } from './day-totals.ts';
import { createDepositLimits, NEW_PEERS_PER_DAY_MAX } from './deposit-limits.ts';
import { createPeerRecords, isTrusted } from './peer-records.ts';
import { createPaidPrices, priceLimit } from './price-limits.ts';
import { type HoldEnd, openRequestBudget, type RequestBudget } from './request-budget.ts';

export interface BudgetOptions {
  readonly records: RecordStore;
  /** Defers the records of single requests. Default: each is on disk immediately. */
  readonly durability?: Durability;
  readonly clock: Pick<Clock, 'now'>;
  readonly uptime: Uptime;
  readonly log: Log;
  /** Read again for every decision. */
  readonly settings: () => BuyingLimits;
  /** Amount of a trusted provider's deposit, in base units. */
  readonly depositUsual: bigint;
}

export interface Budget {
  /** Opens the budget of one request; `priceMax` is the client's own maximum, or null. */
  openRequest(priceMax: Partial<Price> | null): RequestBudget;
  /** The time by which days are counted. */
  readonly time: BudgetTime;
  /** Base units charged or reserved within the last 24 hours. */
  spentDay(): bigint;
  /** True if the provider has delivered more valid receipts than failures. */
  isTrusted(peer: string): boolean;
  /** True if the provider got payments and hasn't delivered more valid receipts than failures. */
  hasFailed(peer: string): boolean;
  /** Counts a charge that an earlier run made and this one learned. */
  noteCharged(charged: bigint): void;
  /** Counts as a valid receipt what a relay forwarded for this charge. */
  noteDelivered(peer: string, charged: bigint): void;
  /**
   * Takes one of the places of a day for providers that are asked for an opinion before they are trusted; false if none is
   * left, or if too few new providers may get a deposit today.
   */
  takeOpinionPlace(): boolean;
  /** The limits that the payment client applies. */
  readonly deposits: DepositLimits;
}

/** New providers that are asked for an opinion within 24 hours: each gets a deposit. */
const OPINION_PLACES_PER_DAY = 3;
/** New providers that must still be able to get a deposit then: the owner's requests need them more. */
const NEW_PEERS_LEFT_MIN = 7;
const OPINION_PLACES: RecordPlace = { collection: 'opinion-day', key: 'hours' };

/** See {@link Budget}. */
export function createBudget(options: BudgetOptions): Budget {
  const { records, clock, uptime, log, settings, depositUsual, durability = IMMEDIATE } = options;
  const time = createBudgetTime(records, clock, uptime);
  const peers = createPeerRecords(records, time);
  const day = createDayTotals(records, time);
  const asked = createDayTotals(records, time, OPINION_PLACES);
  const paid = createPaidPrices(records);
  /** Base units that requests in progress may still cost. */
  let open = 0n;

  function noteVerified(peer: string, charged: bigint, receipts: number): void {
    peers.change(peer, (record) => ({
      ...record,
      verified: record.verified + charged,
      receipts: record.receipts + receipts,
    }));
  }

  const noteDelivered = (peer: string, charged: bigint) => noteVerified(peer, charged, 1);

  function noteEnd(peer: string, end: HoldEnd): void {
    if (end.kind === 'proven' && end.charged > 0n) {
      noteDelivered(peer, end.charged);
      paid.note(end.model, end.price);
    } else if (end.kind === 'compared') {
      noteVerified(peer, end.charged, 0);
    } else if (end.kind === 'failed') {
      noteFailure(peer);
    }
  }

  function noteFailure(peer: string): void {
    peers.change(peer, (record) => ({ ...record, failures: record.failures + 1 }));
  }

  function noteCharged(charged: bigint): void {
    if (charged > 0n) day.add({ charged });
  }

  return {
    noteCharged,
    noteDelivered,
    openRequest: (priceMax) =>
      openRequestBudget({
        limitOf: (model, offered) => priceLimit(settings(), paid, { model, asked: priceMax, offered }),
        isTrusted: (peer) => isTrusted(peers.find(peer)),
        requestMax: () => BigInt(settings().buyRequestMax),
        leftToday: () => BigInt(settings().buyDayMax) - day.get().charged - open,
        reserve: (units) => {
          open += units;
        },
        settle(peer, reserved, charged, end) {
          open -= reserved;
          durability.defer(() => {
            noteCharged(charged);
            noteEnd(peer, end);
          });
        },
        correct(charged, counted, countedAtMs) {
          if (charged >= counted) noteCharged(charged - counted);
          else day.takeBack({ charged: counted - charged }, countedAtMs);
        },
        noteFailure,
        now: time.now,
        log,
      }),
    time,
    spentDay: () => day.get().charged + open,
    isTrusted: (peer) => isTrusted(peers.find(peer)),
    hasFailed(peer) {
      const record = peers.find(peer);
      return record !== null && record.failures > 0 && !isTrusted(record);
    },
    takeOpinionPlace() {
      if (day.get().newPeers > NEW_PEERS_PER_DAY_MAX - NEW_PEERS_LEFT_MIN) return false;
      if (asked.get().newPeers >= OPINION_PLACES_PER_DAY) return false;
      asked.add({ newPeers: 1 });
      return true;
    },
    deposits: createDepositLimits({ time, log, peers, day, limits: settings, depositUsual }),
  };
}

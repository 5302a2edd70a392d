/** Limits what relays may cost: the budget for all purchases, and a part of it for relays alone. */
import { ZERO } from '../../../shared/money.ts';
import type { RecordStore } from '../../ports/store.ts';
import { aboveLimit, type Budget, createDayTotals, type Hold } from '../budget/index.ts';

/** Record of the sums of the last 24 hours. */
const DAY = { collection: 'relaying-day', key: 'hours' };

export type StepHold = Pick<Hold, 'end' | 'learned'>;

export interface RelaySpending {
  /** Holds the price of a step. Fails with `payment-required` if a budget doesn't allow it. */
  hold(relay: string, price: bigint): StepHold;
  /** The relay has forwarded what was charged: its deposits may grow. */
  proven(relay: string, charged: bigint): void;
}

export function createRelaySpending(parts: {
  readonly records: RecordStore;
  readonly budget: Pick<Budget, 'openRequest' | 'time' | 'noteDelivered'>;
  /** Base units for relays within 24 hours. */
  readonly dayMax: () => bigint;
}): RelaySpending {
  const { records, budget, dayMax } = parts;
  const day = createDayTotals(records, budget.time, DAY);
  return {
    hold(relay, price) {
      if (day.get().charged + price > dayMax()) {
        throw aboveLimit('daily_budget_spent', 'The budget for relays within 24 hours is used up.');
      }
      const hold = budget.openRequest(null).hold(relay, price);
      let counted = 0n;
      return {
        end(end) {
          hold.end(end);
          if (end.kind === 'unused' || end.kind === 'refused') return;
          counted = end.charged ?? price;
          day.add({ charged: counted });
        },
        learned(charged, isEntitled) {
          hold.learned(charged, isEntitled);
          if (charged > counted) day.add({ charged: charged - counted });
        },
      };
    },
    proven(relay, charged) {
      if (charged > ZERO) budget.noteDelivered(relay, charged);
    },
  };
}

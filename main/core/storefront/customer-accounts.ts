/**
 * Balances of customers that pay in advance. The ledger alone has them; here is only what requests in progress hold, and
 * what they have used and the ledger records with the end of their job.
 */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { CustomerAccounts, CustomerHold } from '../../ports/customers.ts';
import type { Ledger } from '../ledger/index.ts';

export interface CustomerAccountsParts {
  readonly ledger: Pick<Ledger, 'customerPaid' | 'customerPaidLate' | 'customerBalance' | 'bookedOnChannel'>;
  readonly assetId: string;
  /** Ends the customer's jobs whose end isn't on disk, while it is known that a payment on its way pays for them. */
  readonly endLeft: (customerId: string) => void;
  /** Requests of one customer in progress. */
  readonly concurrentMax: number;
}

/** A customer with requests in progress, or whose last charge the ledger doesn't have yet. */
interface Active {
  holds: number;
  held: bigint;
  /** Of all jobs so far. */
  charged: bigint;
}

const RETRY_AFTER_S = 2;

/** See {@link CustomerAccounts}. */
export function createCustomerAccounts(parts: CustomerAccountsParts): CustomerAccounts {
  const { ledger, assetId, concurrentMax, endLeft } = parts;
  const active = new Map<string, Active>();
  const booked = (id: string): bigint => ledger.bookedOnChannel('sold', id);

  function dropBooked(): void {
    for (const [id, { holds, charged }] of active) {
      if (holds === 0 && charged <= booked(id)) active.delete(id);
    }
  }

  function activeOf(id: string): Active {
    return active.get(id) ?? { holds: 0, held: 0n, charged: booked(id) };
  }

  function available(id: string): Amount {
    const paid = ledger.customerBalance(id) + booked(id);
    const { held, charged } = activeOf(id);
    return amount(paid - charged - held);
  }

  return {
    available,
    arrived: ({ txHash, ...payment }) => void ledger.customerPaid({ ...payment, txHash, assetId }),
    paidLate({ txHash, ...payment }, used) {
      endLeft(payment.customerId);
      const event = { ...payment, txHash, assetId, used };
      if (ledger.customerPaidLate(event) !== 'posted') return;
      // The ledger has the charge from now on, so it counts here, too.
      const own = active.get(payment.customerId);
      if (own !== undefined) own.charged += used;
    },
    payFor({ txHash, ...payment }, used) {
      assert(used <= payment.amount, 'a payment covers the answer that it is for');
      dropBooked();
      ledger.customerPaid({ ...payment, txHash, assetId });
      const own = activeOf(payment.customerId);
      active.set(payment.customerId, own);
      own.charged += used;
      return { charged: used, cumulative: amount(own.charged) };
    },
    charged: (id) => amount(activeOf(id).charged),
    hold(id, most) {
      dropBooked();
      const left = available(id);
      if (left <= 0n || left < most) return null;
      const own = activeOf(id);
      if (own.holds >= concurrentMax) {
        const message = `This customer has reached its limit of ${concurrentMax} concurrent requests.`;
        throw new AppError('busy', message, { details: { retryAfterS: RETRY_AFTER_S } });
      }
      active.set(id, own);
      own.holds += 1;
      own.held += most;
      return openHold(own, most);
    },
  };
}

function openHold(own: Active, most: Amount): CustomerHold {
  let isOpen = true;
  const close = () => {
    assert(isOpen, 'a hold is charged or released once');
    isOpen = false;
    own.holds -= 1;
    own.held -= most;
  };
  return {
    charge(wanted) {
      close();
      const charged = wanted < most ? wanted : most;
      own.charged += charged;
      return { charged, cumulative: amount(own.charged) };
    },
    release: close,
  };
}

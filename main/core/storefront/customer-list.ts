/** Lists the customers of the storefront for its owner: API keys, and payers on the chain that have a balance. */

import { forceUnwrap } from '../../../shared/assert.ts';
import {
  CUSTOMER_PREFIXES,
  keyOf,
  LAST_REQUEST_JOBS,
  type ListedCustomer,
  type ListedPayer,
  PAYERS_LISTED_MAX,
  payerOf,
} from '../../../shared/customers.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Ledger } from '../ledger/index.ts';
import { CUSTOMERS_MAX, type CustomerKeys } from './customer-keys.ts';

export interface CustomerListParts {
  readonly keys: Pick<CustomerKeys, 'list'>;
  readonly ledger: Pick<Ledger, 'customerBalances' | 'bookedOnChannel'>;
  readonly jobs: Pick<Jobs, 'list'>;
}

export interface CustomerList {
  readonly customers: ListedCustomer[];
  /** The largest balances first, up to {@link PAYERS_LISTED_MAX}. */
  readonly payers: ListedPayer[];
}

/** Reads the list as it is now. */
export function listCustomers({ keys, ledger, jobs }: CustomerListParts): CustomerList {
  const last = lastRequests(jobs);
  const used = (customerId: string) => ({
    charged: ledger.bookedOnChannel('sold', customerId).toString(),
    lastRequestAtMs: last.get(customerId) ?? null,
  });
  const known = keys.list();
  const ids = new Set(known.map(({ id }) => id));
  const forgotten = ledger
    .customerBalances(CUSTOMER_PREFIXES.key, CUSTOMERS_MAX)
    .map(({ customerId, balance }) => ({ customerId, balance, id: keyOf(customerId) ?? '' }))
    .filter(({ id }) => !ids.has(id))
    .map(({ customerId, balance, id }) => ({
      ...{ id, name: '', createdAtMs: 0, isRevoked: true, balance: balance.toString() },
      ...used(customerId),
    }));
  return {
    customers: [
      ...known.map((customer) => ({ ...customer, ...used(CUSTOMER_PREFIXES.key + customer.id) })),
      ...forgotten,
    ],
    payers: ledger
      .customerBalances(CUSTOMER_PREFIXES.payer, PAYERS_LISTED_MAX)
      .map(({ customerId, balance }) => ({
        address: forceUnwrap('a payer has an address', payerOf(customerId)),
        balance: balance.toString(),
        ...used(customerId),
      })),
  };
}

/** Times of the newest jobs by customer. */
function lastRequests(jobs: Pick<Jobs, 'list'>): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  const page = jobs.list({ side: 'sold', outcome: 'all', limit: LAST_REQUEST_JOBS });
  for (const { channelId, createdAtMs } of page.jobs) {
    if (channelId !== null && !times.has(channelId)) times.set(channelId, createdAtMs);
  }
  return times;
}

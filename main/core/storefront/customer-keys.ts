/**
 * API keys of the storefront's customers. They are no keys of the gateway: those buy at the owner's expense, and a
 * customer must not get one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Customer, customerSchema, keyCustomerId, keyOf } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';

export const CUSTOMERS_MAX = 1_000;
const COLLECTION = 'storefront-customer';
/** 192 bits: no guess finds it, so a fast hash is enough and needs no salt. */
const SECRET_BYTES = 24;
const SECRET_FORM = /^iws-[0-9a-f]{48}$/;

const storedSchema = customerSchema.pick({ id: true, name: true, createdAtMs: true }).extend({
  /** Null once the key is revoked. */
  secretHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});
type Stored = z.infer<typeof storedSchema>;

export interface CustomerKeysParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly ledger: Pick<Ledger, 'customerPaid' | 'customerBalance' | 'customerInPayout' | 'bookedOnChannel'>;
  readonly assetId: string;
  readonly log: Log;
}

export interface CustomerKeys {
  /** Returns the customer's ID for jobs and the ledger; null for an unknown key. */
  find(secret: string): string | null;
  /** Those whose key works, and revoked ones with a balance. */
  list(): readonly Customer[];
  /** Adds a customer, and returns the key, which isn't stored. Fails with `bad-request` beyond the limit. */
  add(name: string): { readonly customer: Customer; readonly secret: string };
  /** Adds to the balance what the customer paid to the owner elsewhere. Fails with `not-found`. */
  credit(id: string, value: Amount): Customer;
  /** Returns the customer's ID for jobs and the ledger, also after the key was revoked. Fails with `not-found`. */
  account(id: string): string;
  /** The owner's name for a customer, by its ID for jobs and the ledger; null for an unknown one. */
  nameOf(customerId: string): string | null;
  /** Takes the key out of use; what is left of the balance can still be paid out. Fails with `not-found`. */
  revoke(id: string): void;
}

/** True for a text that has the form of a customer's key. */
export function isCustomerKey(text: string): boolean {
  return SECRET_FORM.test(text);
}

/** A damaged record counts as a missing key: it lets nobody in. */
export function createCustomerKeys(parts: CustomerKeysParts): CustomerKeys {
  const { records, clock, ledger, assetId, log } = parts;
  const byId = new Map<string, Stored>();
  // Looked up by hash: how long that takes tells nothing about a secret.
  const byHash = new Map<string, Stored>();
  const balanceOf = (id: string): Amount => ledger.customerBalance(keyCustomerId(id));
  /** A payout that fails is the balance again. */
  const isOwed = (id: string): boolean =>
    balanceOf(id) !== 0n || ledger.customerInPayout(keyCustomerId(id)) !== 0n;
  const take = (stored: Stored) => {
    byId.set(stored.id, stored);
    if (stored.secretHash !== null) byHash.set(stored.secretHash, stored);
  };
  for (const { key, value } of records.list(COLLECTION)) {
    const parsed = storedSchema.safeParse(parseJson(value));
    if (!parsed.success) continue;
    if (isActive(parsed.data) || isOwed(parsed.data.id)) take(parsed.data);
    else records.delete(COLLECTION, key);
  }

  function known(id: string): Stored {
    const stored = byId.get(id);
    if (stored === undefined || !isActive(stored)) throw unknownId(id);
    return stored;
  }

  function shown(stored: Stored): Customer {
    const { id, name, createdAtMs } = stored;
    const charged = ledger.bookedOnChannel('sold', keyCustomerId(id)).toString();
    const isRevoked = !isActive(stored);
    return { id, name, createdAtMs, isRevoked, charged, balance: balanceOf(id).toString() };
  }

  return {
    find(secret) {
      const stored = byHash.get(hashOf(secret));
      return stored === undefined ? null : keyCustomerId(stored.id);
    },
    list: () =>
      [...byId.values()].filter((stored) => isActive(stored) || balanceOf(stored.id) !== 0n).map(shown),
    add(name) {
      if (byHash.size >= CUSTOMERS_MAX) {
        throw new AppError('bad-request', `There are ${CUSTOMERS_MAX} customers. Revoke one first.`);
      }
      const secret = `iws-${randomBytes(SECRET_BYTES).toString('hex')}`;
      const stored: Stored = {
        id: randomBytes(8).toString('hex'),
        name,
        createdAtMs: clock.now(),
        secretHash: hashOf(secret),
      };
      records.set(COLLECTION, stored.id, JSON.stringify(stored));
      take(stored);
      log.info('A customer of the storefront was added', { id: stored.id, name });
      return { customer: shown(stored), secret };
    },
    credit(id, value) {
      const stored = known(id);
      const customerId = keyCustomerId(id);
      const reference = `${customerId}:${randomBytes(8).toString('hex')}`;
      ledger.customerPaid({ reference, customerId, assetId, amount: amount(value), txHash: null });
      log.info('The balance of a customer was raised', { id, amount: value.toString() });
      return shown(stored);
    },
    account(id) {
      // A key that was revoked before its record was stored on is only in the ledger.
      if (!byId.has(id) && balanceOf(id) === 0n) throw unknownId(id);
      return keyCustomerId(id);
    },
    nameOf: (customerId) => byId.get(keyOf(customerId) ?? '')?.name ?? null,
    revoke(id) {
      const stored = known(id);
      const revoked: Stored = { ...stored, secretHash: null };
      records.set(COLLECTION, id, JSON.stringify(revoked));
      byId.set(id, revoked);
      if (stored.secretHash !== null) byHash.delete(stored.secretHash);
      log.info('The key of a customer was revoked', { id, name: stored.name });
    },
  };
}

function isActive({ secretHash }: Stored): boolean {
  return secretHash !== null;
}

function unknownId(id: string): AppError {
  return new AppError('not-found', `No customer has the ID "${id.slice(0, 40)}".`);
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

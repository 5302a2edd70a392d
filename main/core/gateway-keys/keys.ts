/**
 * The gateway's API keys, each with a budget, an expiry and rate limits. Only this machine's own key, which READY and
 * the pages show, is stored in plain text, in a file that only its owner can read; of all others there is a hash.
 */
import { AppError } from '../../../shared/errors.ts';
import {
  GATEWAY_KEYS_MAX,
  type GatewayKey,
  type NewKey,
  NO_KEY_LIMITS,
} from '../../../shared/gateway-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import type { BudgetTime, RequestBudget } from '../budget/index.ts';
import { checkKeyBudget, type KeyBudgetParts, withinKey } from './key-budget.ts';
import { createKeyRates, type KeyRates } from './key-rates.ts';
import { createKeyRecords, hashOf, isSecret, newKeyId, newSecret, type StoredKey } from './key-records.ts';
import { createKeySpending, type KeySpending } from './key-spending.ts';
import { createLastUses } from './last-uses.ts';

/** A request's use of the key with which it came. */
export interface KeyUse {
  readonly id: string;
  /**
   * Counts a request that buys something and returns the function that ends it. Fails with `busy` at a rate limit, or
   * with `payment-required` if nothing is left of the budget.
   */
  enter(): () => void;
  /** Adds the key's budget to the one of a request. */
  within(budget: RequestBudget): RequestBudget;
}

export interface GatewayKeys {
  /** Fails with `not-permitted` if the secret is unknown, revoked or expired. */
  use(secret: string): KeyUse;
  /** Adds a key's budget to the one of a request that it wanted earlier. Fails like `use`. */
  within(id: string, budget: RequestBudget): RequestBudget;
  /** This machine's own key first, then the newest. */
  list(): readonly GatewayKey[];
  /** Adds a key and returns it with its secret, which isn't stored. Fails with `bad-request` beyond the limit. */
  add(wanted: NewKey): { readonly key: GatewayKey; readonly secret: string };
  /** Takes a key out of use; requests in progress end normally. Fails with `not-found`. */
  revoke(id: string): void;
  /** The secret of this machine's own key. */
  ownSecret(): string;
  /** See {@link import('./key-spending.ts').KeySpending.noteCharged}. */
  noteCharged(channelId: string, charged: bigint, isFinal: boolean): void;
}

/** The place of this machine's own secret. */
export interface OwnKeyFile {
  /** Null if there is none. */
  read(): string | null;
  /** Durable when it returns. */
  write(secret: string): void;
}

export interface GatewayKeysOptions {
  readonly records: RecordStore;
  /** Defers what belongs to single requests. Default: each is on disk immediately. */
  readonly durability?: Durability;
  readonly clock: Clock;
  /** Counts the budget of a day. */
  readonly budgetTime: BudgetTime;
  readonly log: Log;
  readonly ownKey: OwnKeyFile;
  /** The charge of a job that an earlier run recorded: null if it is unknown, 0 without such a job. */
  readonly chargeOf: (jobId: string) => bigint | null;
}

/** Name of this machine's own key in lists of the terminal. */
const OWN_NAME = 'default';

/** See {@link GatewayKeys}. */
export function createGatewayKeys(options: GatewayKeysOptions): GatewayKeys {
  const { records, durability = IMMEDIATE, clock, log, ownKey } = options;
  const keys = createKeyRecords(records);
  const { budgetTime: time, chargeOf } = options;
  const spending = createKeySpending({ records, durability, time, chargeOf });
  const rates = createKeyRates(clock);
  const lastUses = createLastUses(records, durability, clock);
  let ownSecret = openOwnKey();

  /** Makes the secret of the file the one of this machine's own key; a missing or incomplete one is replaced. */
  function openOwnKey(): string {
    const found = ownKey.read();
    const secret = found !== null && isSecret(found) ? found : newSecret();
    if (secret !== found) ownKey.write(secret);
    const known = keys.findBySecret(secret);
    if (known?.isOwn !== true) replaceOwnKey(secret, known);
    return secret;
  }

  /** Replaces the own key: a replaced file means a replaced key. */
  function replaceOwnKey(secret: string, same: StoredKey | null): void {
    for (const key of keys.all()) if (key.isOwn || key === same) forget(key.id);
    keys.set(newKey({ ...NO_KEY_LIMITS, name: OWN_NAME }, secret, true));
  }

  function newKey(wanted: NewKey, secret: string, isOwn: boolean): StoredKey {
    return { ...wanted, id: newKeyId(), secretHash: hashOf(secret), isOwn, createdAtMs: clock.now() };
  }

  function forget(id: string): void {
    keys.remove(id);
    spending.forget(id);
    rates.forget(id);
    lastUses.forget(id);
  }

  const shown = (key: StoredKey) => shownKey(key, spending, lastUses.of(key.id));

  return {
    use(secret) {
      const key = keys.findBySecret(secret);
      if (key === null) throw new AppError('not-permitted', 'The API key is missing or invalid.');
      checkExpiry(key, clock.now());
      lastUses.note(key.id);
      return useOf({ key, spending, log }, rates);
    },
    within(id, budget) {
      const key = keys.all().find((each) => each.id === id);
      if (!key) throw new AppError('not-permitted', 'The API key was revoked.');
      checkExpiry(key, clock.now());
      return withinKey({ key, spending, log }, budget);
    },
    list: () =>
      keys
        .all()
        .toSorted((a, b) => Number(b.isOwn) - Number(a.isOwn) || b.createdAtMs - a.createdAtMs)
        .map(shown),
    add(wanted) {
      if (keys.all().length >= GATEWAY_KEYS_MAX) {
        throw new AppError('bad-request', `There are ${GATEWAY_KEYS_MAX} API keys. Revoke one first.`);
      }
      const secret = newSecret();
      const key = newKey(wanted, secret, false);
      keys.set(key);
      log.info('An API key of the gateway was added', { id: key.id, name: key.name });
      return { key: shown(key), secret };
    },
    revoke(id) {
      const key = keys.all().find((each) => each.id === id);
      if (!key) throw new AppError('not-found', `No API key has the ID "${id.slice(0, 40)}".`);
      if (key.isOwn) {
        ownSecret = newSecret();
        // First the file: after a crash, the next start replaces the key that doesn't fit it.
        ownKey.write(ownSecret);
        replaceOwnKey(ownSecret, null);
      } else forget(id);
      log.info('An API key of the gateway was revoked', { id, name: key.name });
    },
    ownSecret: () => ownSecret,
    noteCharged: spending.noteCharged,
  };
}

function checkExpiry({ expiresAtMs }: StoredKey, nowMs: number): void {
  if (expiresAtMs === null || nowMs < expiresAtMs) return;
  throw new AppError('not-permitted', `The API key expired on ${dayOf(expiresAtMs)}.`);
}

/** Leaves out the hash of the secret. */
function shownKey(
  { secretHash: _, ...key }: StoredKey,
  spending: KeySpending,
  lastUsedAtMs: number | null,
): GatewayKey {
  const spentDay = spending.day(key.id).toString();
  return { ...key, lastUsedAtMs, spentDay, spentTotal: spending.total(key.id).toString() };
}

function useOf(parts: KeyBudgetParts & { readonly key: StoredKey }, rates: KeyRates): KeyUse {
  return {
    id: parts.key.id,
    enter() {
      const leave = rates.enter(parts.key);
      try {
        // One unit: the price isn't known yet, and without anything left no provider needs to be found.
        checkKeyBudget(parts, 1n);
      } catch (error) {
        leave();
        throw error;
      }
      return leave;
    },
    within: (budget) => withinKey(parts, budget),
  };
}

/** Returns the date in UTC. */
function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/**
 * The gateway's API keys, each with a budget, an expiry and rate limits. Only this machine's own key, which READY and
 * the pages show, is stored in plain text, in a file that only its owner can read; of all others there is a hash.
 */
import { AppError } from '../../../shared/errors.ts';
import {
  GATEWAY_KEYS_MAX,
  type GatewayKey,
  type KeyLimits,
  type NewKey,
} from '../../../shared/gateway-keys.ts';
import type { JobKey } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import type { BudgetTime, RequestBudget } from '../budget/index.ts';
import { checkKeyBudget, type KeyBudgetParts, withinKey } from './key-budget.ts';
import { createKeyRates, type KeyRates } from './key-rates.ts';
import { createKeyRecords, hashOf, newKeyId, newSecret, type StoredKey } from './key-records.ts';
import { createKeySpending, type KeySpending } from './key-spending.ts';
import { createLastUses } from './last-uses.ts';
import { type OwnKeyFile, openOwnKey } from './own-key.ts';

/** A request's use of the key with which it came. */
export interface KeyUse {
  readonly key: JobKey;
  /** True if the key has a budget of its own. */
  readonly hasBudget: boolean;
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
  /** The use of a key by what it wanted earlier, like a batch. Fails like `use`. */
  useLater(id: string): KeyUse;
  /** This machine's own key first, then the newest. */
  list(): readonly GatewayKey[];
  /** Adds a key and returns it with its secret, which isn't stored. Fails with `bad-request` beyond the limit. */
  add(wanted: NewKey): { readonly key: GatewayKey; readonly secret: string };
  /**
   * Replaces the limits of a key from its next request on; what it has spent stays. Fails with `not-found`, or with
   * `bad-request` for this machine's own key.
   */
  change(id: string, limits: KeyLimits): GatewayKey;
  /** Takes a key out of use; requests in progress end normally. Fails with `not-found`. */
  revoke(id: string): void;
  /** The secret of this machine's own key. */
  ownSecret(): string;
  /** See {@link import('./key-spending.ts').KeySpending.noteCharged}. */
  noteCharged(channelId: string, charged: bigint, isFinal: boolean): void;
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

/** See {@link GatewayKeys}. */
export function createGatewayKeys(options: GatewayKeysOptions): GatewayKeys {
  const { records, durability = IMMEDIATE, clock, log } = options;
  const keys = createKeyRecords(records);
  const { budgetTime: time, chargeOf } = options;
  const spending = createKeySpending({ records, durability, time, chargeOf });
  const rates = createKeyRates(clock);
  const lastUses = createLastUses(records, durability, clock);
  function forget(id: string): void {
    keys.remove(id);
    spending.forget(id);
    rates.forget(id);
    lastUses.forget(id);
  }

  const own = openOwnKey({ keys, file: options.ownKey, clock, forget });

  function find(id: string): StoredKey {
    const key = keys.all().find((each) => each.id === id);
    if (!key) throw new AppError('not-found', `No API key has the ID "${id.slice(0, 40)}".`);
    return key;
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
    useLater(id) {
      const key = keys.all().find((each) => each.id === id);
      if (!key) throw new AppError('not-permitted', 'The API key was revoked.');
      checkExpiry(key, clock.now());
      return useOf({ key, spending, log }, rates);
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
      const stored = { secretHash: hashOf(secret), isOwn: false, createdAtMs: clock.now() };
      const key: StoredKey = { ...wanted, ...stored, id: newKeyId() };
      keys.set(key);
      log.info('An API key of the gateway was added', { id: key.id, name: key.name });
      return { key: shown(key), secret };
    },
    change(id, limits) {
      const before = find(id);
      if (before.isOwn) {
        throw new AppError('bad-request', 'This machine’s own key has the limits of the settings only.');
      }
      const key = { ...before, ...limits };
      keys.set(key);
      rates.forget(id);
      log.info('The limits of an API key were changed', { id, name: key.name });
      return shown(key);
    },
    revoke(id) {
      const key = find(id);
      if (key.isOwn) own.renew();
      else forget(id);
      log.info('An API key of the gateway was revoked', { id, name: key.name });
    },
    ownSecret: own.secret,
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
    key: { id: parts.key.id, name: parts.key.isOwn ? null : parts.key.name },
    hasBudget: parts.key.dayMax !== null || parts.key.totalMax !== null,
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

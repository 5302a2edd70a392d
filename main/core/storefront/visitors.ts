/** Recognizes visitors of the storefront without storing their addresses, and keeps out those that the owner has blocked. */
import { createHmac, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { visitorPeer } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { subnetOf } from '../../../shared/subnet.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';

/** Names of a visitor in limits and jobs: they mean nothing after this run. */
export interface Visitor {
  readonly peer: string;
  readonly subnet: string;
}

const NAME_CHARACTERS = 16;

/** Returns a function that names visitors by their IP address; of IPv6, everybody owns a whole /64. */
export function createVisitors(): (address: string) => Visitor {
  const secret = randomBytes(32);
  const nameOf = (text: string) =>
    visitorPeer(createHmac('sha256', secret).update(text).digest('hex').slice(0, NAME_CHARACTERS));
  return (address) => ({ peer: nameOf(hostOf(address)), subnet: nameOf(`subnet ${subnetOf(address)}`) });
}

function hostOf(address: string): string {
  if (isIP(address) !== 6 || address.startsWith('::ffff:')) return address;
  // The URL parser writes each group without zeros in front, but shortens rows of zeros.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}

/** An IP address, or the address of a payer on the chain. */
export const blockedSchema = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => isIP(text) !== 0 || /^0x[0-9a-f]{40}$/.test(text), 'an IP address or a payer’s address');

export const BLOCKED_MAX = 10_000;
const COLLECTION = 'storefront-blocked';

export interface BlockList {
  has(addressOrPayer: string): boolean;
  /** Fails with `bad-request` beyond the limit. */
  add(addressOrPayer: string): void;
  /** Fails with `not-found`. */
  remove(addressOrPayer: string): void;
  list(): readonly { readonly who: string; readonly atMs: number }[];
}

export function createBlockList(records: RecordStore, clock: Pick<Clock, 'now'>): BlockList {
  const blocked = new Map(
    records
      .list(COLLECTION)
      .map(({ key, value }) => [key, z.number().catch(0).parse(parseJson(value))] as const),
  );
  return {
    has: (who) => blocked.has(who.toLowerCase()),
    add(who) {
      if (blocked.size >= BLOCKED_MAX) {
        throw new AppError('bad-request', `${BLOCKED_MAX} visitors are blocked. Unblock one first.`);
      }
      records.set(COLLECTION, who, JSON.stringify(clock.now()));
      blocked.set(who, clock.now());
    },
    remove(who) {
      if (!blocked.delete(who)) throw new AppError('not-found', `"${who.slice(0, 60)}" isn’t blocked.`);
      records.delete(COLLECTION, who);
    },
    list: () => [...blocked].map(([who, atMs]) => ({ who, atMs })),
  };
}

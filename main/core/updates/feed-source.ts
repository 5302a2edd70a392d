/** Fetches the feed, verifies it, and remembers what this installation has seen, so that nothing older counts again. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { isPrivateOnTheWay } from '../../../shared/loopback.ts';
import {
  UPDATE_FEED_CHARACTERS_MAX,
  UPDATE_FEED_FILE,
  type UpdateFeed,
  type UpdateKey,
  type UpdateProblem,
} from '../../../shared/updates.ts';
import type { Clock } from '../../ports/clock.ts';
import { readText } from '../../ports/read-text.ts';
import type { RecordStore } from '../../ports/store.ts';
import { readFeed, refusalOf } from './feed.ts';

/** For the whole feed. */
const FEED_MS_MAX = 30_000;

const COLLECTION = 'updates';
const KEY = 'installation';
const storedSchema = z.object({
  /** Random; never leaves this machine. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** `issuedAtMs` of the newest feed that was accepted. */
  newestSeenMs: z.number().int().nonnegative(),
});
type Stored = z.infer<typeof storedSchema>;

export interface FeedSourceOptions {
  readonly keys: readonly UpdateKey[];
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly records: RecordStore;
}

/** Returns the feed's folder, if it may be contacted: over HTTPS, or on this machine. */
export function feedFolder(address: string): URL | null {
  const whole = address.endsWith('/') ? address : `${address}/`;
  if (!URL.canParse(whole)) return null;
  const url = new URL(whole);
  return isPrivateOnTheWay(url) && url.search === '' && url.hash === '' && url.username === '' ? url : null;
}

/** Returns a feed that may be used, or why there is none. Rejects with why nothing was received, or with an abort. */
export async function fetchFeed(
  options: FeedSourceOptions,
  folder: URL,
  closing: AbortSignal,
): Promise<UpdateFeed | UpdateProblem> {
  const limit = new AbortController();
  const timer = options.clock.after(FEED_MS_MAX, () => limit.abort(new Error('no answer for 30 seconds')));
  try {
    const signal = AbortSignal.any([closing, limit.signal]);
    const response = await options.fetch(new URL(UPDATE_FEED_FILE, folder), { signal, cache: 'no-store' });
    if (!response.ok) throw new Error(`the server responded with status ${response.status}`);
    const { text } = await readText(response, UPDATE_FEED_CHARACTERS_MAX);
    const feed = await readFeed(text, options.keys);
    return feed === null ? 'wrong-signature' : accept(options, feed);
  } finally {
    timer.cancel();
  }
}

function accept(options: FeedSourceOptions, feed: UpdateFeed): UpdateFeed | UpdateProblem {
  const known = stored(options.records);
  const { newestSeenMs } = known;
  // A clock that was set back doesn't make an expired feed valid.
  const nowMs = Math.max(options.clock.now(), newestSeenMs);
  const refusal = refusalOf(feed, { nowMs, newestSeenMs });
  if (refusal !== null) return refusal;
  if (feed.issuedAtMs > newestSeenMs) write(options.records, { ...known, newestSeenMs: feed.issuedAtMs });
  return feed;
}

/** Returns this installation's random ID, chosen at the first call. */
export function installationId(records: RecordStore): string {
  return stored(records).id;
}

function stored(records: RecordStore): Stored {
  const known = storedSchema.safeParse(JSON.parse(records.get(COLLECTION, KEY) ?? 'null'));
  if (known.success) return known.data;
  const first = { id: randomBytes(16).toString('hex'), newestSeenMs: 0 };
  write(records, first);
  return first;
}

function write(records: RecordStore, value: Stored): void {
  records.set(COLLECTION, KEY, JSON.stringify(value));
}

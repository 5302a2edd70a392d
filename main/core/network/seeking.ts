/**
 * Finds providers in the market. A record of a stranger is only a hint: its peer is dialed, within limits, and the directory
 * then fetches the signed offer from the peer itself.
 */
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { FoundProvider, Market, Network } from '../../ports/network.ts';
import { within } from './within.ts';

export interface SeekingParts {
  readonly network: Pick<Network, 'peers'>;
  readonly market: Pick<Market, 'find' | 'dial'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: SeekTimes;
}

/** All in milliseconds. */
export interface SeekTimes {
  /** After the start. */
  readonly atMs: readonly number[];
  readonly everyMs: number;
  /** From the question to the last new connection. */
  readonly msMax: number;
}

export interface Seeking {
  /** Connects to peers that are said to provide the key (SHA-256 in hex), and returns how many are new. Never rejects. */
  seek(key: string): Promise<number>;
  /** Searches for the key soon after the start, and again and again until `stop`. */
  keepSeeking(key: string): void;
  stop(): void;
}

/** The first peers are connected a moment after the start. */
const SEEK_AT_MS = [0, 15_000, 60_000] as const;
const SEEK_EVERY_MS = 600_000;
export const SEEK_MS_MAX = 6_000;
const TIMES: SeekTimes = { atMs: SEEK_AT_MS, everyMs: SEEK_EVERY_MS, msMax: SEEK_MS_MAX };
export const DIAL_MS_MAX = 4_000;
/** Connections that one search tries, even if the DHT is flooded with records. */
export const DIALS_MAX = 24;
const DIALS_CONCURRENT_MAX = 6;
/** Records that one search reads. */
const RECORDS_MAX = 256;
/** The same key is not searched again within this time. */
const REPEAT_MS_MIN = 10_000;
/** A peer that could not be reached isn't dialed again within this time. */
export const UNREACHABLE_MS = 300_000;
/** Keys and unreachable peers that are remembered. */
const REMEMBERED_MAX = 1_000;

/** See {@link Seeking}. */
export function createSeeking({ network, market, clock, log, times = TIMES }: SeekingParts): Seeking {
  const ended = new AbortController();
  const timers: Timer[] = [];
  const searches = new Map<string, { readonly atMs: number; readonly done: Promise<number> }>();
  const unreachableUntilMs = new Map<string, number>();

  async function search(key: string, signal: AbortSignal): Promise<number> {
    const found = { records: 0, dialed: 0, reached: 0 };
    const dials = new Set<Promise<void>>();
    for await (const record of market.find(key, signal)) {
      found.records += 1;
      if (found.records > RECORDS_MAX || found.dialed >= DIALS_MAX) break;
      if (!isWorthDialing(record)) continue;
      found.dialed += 1;
      const dial = reach(record, signal).then((isReached) => {
        found.reached += Number(isReached);
        dials.delete(dial);
      });
      dials.add(dial);
      if (dials.size >= DIALS_CONCURRENT_MAX) await Promise.race(dials);
    }
    await Promise.all(dials);
    log.debug('The market was searched for providers', found);
    return found.reached;
  }

  function isWorthDialing({ peer, addresses }: FoundProvider): boolean {
    if (addresses.length === 0 || (unreachableUntilMs.get(peer) ?? 0) > clock.monotonic()) return false;
    return !network.peers().some((known) => known.peer === peer && known.connected);
  }

  async function reach({ peer, addresses }: FoundProvider, signal: AbortSignal): Promise<boolean> {
    const isReached = await within(clock, DIAL_MS_MAX, signal, (limited) => market.dial(addresses, limited));
    if (!isReached && !ended.signal.aborted) {
      remember(unreachableUntilMs, peer, clock.monotonic() + UNREACHABLE_MS);
    }
    return isReached;
  }

  function seek(key: string): Promise<number> {
    const nowMs = clock.monotonic();
    const last = searches.get(key);
    if (last !== undefined && nowMs - last.atMs < REPEAT_MS_MIN) return last.done;
    const done = within(clock, times.msMax, ended.signal, (signal) => search(key, signal));
    remember(searches, key, { atMs: nowMs, done });
    return done;
  }

  return {
    seek,
    keepSeeking(key) {
      for (const atMs of times.atMs) timers.push(clock.after(atMs, () => seek(key)));
      timers.push(clock.every(times.everyMs, () => seek(key)));
    },
    stop() {
      ended.abort();
      for (const timer of timers) timer.cancel();
    },
  };
}

/** The longest unchanged entry is forgotten first. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest);
}

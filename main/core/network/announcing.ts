/**
 * Announces what this machine provides to the market, as records that strangers store. Peers that join later don't find a
 * record that was stored too early, so it is stored again soon after the start, and then well within its validity.
 */
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market } from '../../ports/network.ts';
import { within } from './within.ts';

export interface AnnouncingParts {
  readonly market: Pick<Market, 'provide' | 'withdraw' | 'reach' | 'onReach'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Returns what this machine provides now, as SHA-256 in hex; empty while it sells nothing. */
  readonly keys: () => readonly string[];
  /** Default: {@link ANNOUNCE_AT_MS} and {@link ANNOUNCE_EVERY_MS}. */
  readonly times?: { readonly atMs: readonly number[]; readonly everyMs: number };
}

export interface Announcing {
  start(): void;
  /** To be called when the keys may have changed. */
  changed(): void;
  stop(): void;
}

/** Milliseconds after the start, or after the keys or the addresses changed. */
export const ANNOUNCE_AT_MS = [0, 10_000, 60_000, 300_000] as const;
/** Records are valid for 45 minutes. */
export const ANNOUNCE_EVERY_MS = 20 * 60_000;
/** Several changes within this time are one. */
const SETTLE_MS = 1_000;
const PROVIDE_MS_MAX = 30_000;
/** Keys that are announced; each costs a search through the DHT. */
const KEYS_MAX = 65;

/** See {@link Announcing}. */
export function createAnnouncing(parts: AnnouncingParts): Announcing {
  const { market, clock, log, times = { atMs: ANNOUNCE_AT_MS, everyMs: ANNOUNCE_EVERY_MS } } = parts;
  const ended = new AbortController();
  let announced: readonly string[] = [];
  let timer: Timer | null = null;
  let unsubscribe: (() => void) | null = null;
  let running: Promise<void> = Promise.resolve();

  /** Begins the series of announcements again. */
  function restart(): void {
    if (unsubscribe === null) return;
    timer?.cancel();
    timer = clock.after(SETTLE_MS, () => step(0));
  }

  function step(index: number): void {
    const [atMs = 0, nextAtMs] = times.atMs.slice(index);
    timer = clock.after(nextAtMs === undefined ? times.everyMs : nextAtMs - atMs, () => step(index + 1));
    running = running.then(announce);
  }

  async function announce(): Promise<void> {
    const keys = [...new Set(parts.keys())].slice(0, KEYS_MAX);
    const gone = announced.filter((key) => !keys.includes(key));
    announced = keys;
    await Promise.all(gone.map((key) => market.withdraw(key)));
    // A record without an address at which this machine is reached would be found, and dialed in vain.
    if (market.reach() === 'none') return;
    let taken = 0;
    for (const key of keys) {
      if (ended.signal.aborted) return;
      taken += await within(clock, PROVIDE_MS_MAX, ended.signal, (signal) => market.provide(key, signal));
    }
    if (keys.length > 0) log.debug('Peers stored what this machine provides', { keys: keys.length, taken });
  }

  return {
    start() {
      unsubscribe ??= market.onReach(restart);
      restart();
    },
    changed() {
      const keys = parts.keys();
      if (keys.length !== announced.length || keys.some((key) => !announced.includes(key))) restart();
    },
    stop() {
      ended.abort();
      timer?.cancel();
      unsubscribe?.();
      unsubscribe = null;
    },
  };
}

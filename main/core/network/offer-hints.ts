/**
 * Hears that offers have changed, and fetches the signed offers of those providers again. Anybody can send hints, so they
 * cause a limited number of fetches: for each provider, and in total. Beyond that the ordinary refresh brings the change.
 */
import { OFFER_SHARDS } from '../../../shared/offer-shards.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Network, OfferHints } from '../../ports/network.ts';

export interface HintedRefreshParts {
  readonly hints: Pick<OfferHints, 'listen' | 'onHint'>;
  readonly network: Pick<Network, 'peers'>;
  readonly clock: Clock;
  /** Fetches the offer of one peer. Never rejects. */
  readonly refresh: (peer: string) => Promise<unknown>;
}

export interface HintedRefresh {
  /** Listens to the hints about a model from now on, and for an hour after its last use; `shards`: those of its files. */
  use(shards: Iterable<string>): void;
  stop(): void;
}

/** Fetches of one provider's offer that hints cause within {@link WINDOW_MS}, and of all offers. */
export const FETCHES_PER_PEER_MAX = 6;
export const FETCHES_MAX = 60;
export const WINDOW_MS = 60_000;
/** From one fetch of a provider's offer to the next; a hint in between is not lost. */
export const FETCH_EVERY_MS_MIN = 1_000;
/** A model that wasn't used for this long is no longer listened to. */
export const USED_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;

interface Hinted {
  /** Of the fetches within the window, monotonic. */
  fetchedMs: number[];
  /** Waits for the next fetch. */
  timer: Timer | null;
  isFetching: boolean;
  /** Another hint came while the offer was being fetched, which may be older than that hint. */
  isDue: boolean;
}

/** See {@link HintedRefresh}. */
export function refreshByHints({ hints, network, clock, refresh }: HintedRefreshParts): HintedRefresh {
  const usedMs = new Map<string, number>();
  const hinted = new Map<string, Hinted>();
  let fetchedMs: number[] = [];
  let isStopped = false;

  const withinWindow = (times: readonly number[]) => {
    return times.filter((ms) => ms > clock.monotonic() - WINDOW_MS);
  };

  function onHint(peer: string): void {
    // A stranger's hint is no reason to dial anybody.
    if (!network.peers().some((known) => known.peer === peer)) return;
    const entry = hinted.get(peer) ?? { fetchedMs: [], timer: null, isFetching: false, isDue: false };
    hinted.set(peer, entry);
    entry.isDue = entry.isFetching;
    if (entry.isFetching) return;
    entry.timer ??= clock.after(waitMs(entry), () => {
      entry.timer = null;
      void fetchOffer(peer, entry);
    });
  }

  /** Time until the provider's offer may be fetched again. */
  function waitMs(entry: Hinted): number {
    entry.fetchedMs = withinWindow(entry.fetchedMs);
    const [oldest = 0] = entry.fetchedMs;
    const last = entry.fetchedMs.at(-1);
    const fromMs = entry.fetchedMs.length < FETCHES_PER_PEER_MAX ? 0 : oldest + WINDOW_MS;
    const nextMs = Math.max(fromMs, last === undefined ? 0 : last + FETCH_EVERY_MS_MIN);
    return Math.max(0, nextMs - clock.monotonic());
  }

  async function fetchOffer(peer: string, entry: Hinted): Promise<void> {
    fetchedMs = withinWindow(fetchedMs);
    if (fetchedMs.length >= FETCHES_MAX) return;
    const nowMs = clock.monotonic();
    fetchedMs.push(nowMs);
    entry.fetchedMs.push(nowMs);
    entry.isFetching = true;
    await refresh(peer);
    entry.isFetching = false;
    if (entry.isDue && !isStopped) onHint(peer);
  }

  function listen(): void {
    hints.listen(new Set(usedMs.keys()));
  }

  function forget(): void {
    const unused = [...usedMs].filter(([, ms]) => ms <= clock.monotonic() - USED_MS);
    for (const [shard] of unused) usedMs.delete(shard);
    if (unused.length > 0) listen();
    for (const [peer, entry] of hinted) {
      if (!entry.timer && !entry.isFetching && withinWindow(entry.fetchedMs).length === 0)
        hinted.delete(peer);
    }
  }

  const unsubscribe = hints.onHint(onHint);
  const forgetting = clock.every(FORGET_EVERY_MS, forget);
  return {
    use(shards) {
      const before = usedMs.size;
      for (const shard of shards) if (OFFER_SHARDS.has(shard)) usedMs.set(shard, clock.monotonic());
      if (usedMs.size > before) listen();
    },
    stop() {
      isStopped = true;
      unsubscribe();
      forgetting.cancel();
      for (const { timer } of hinted.values()) timer?.cancel();
    },
  };
}

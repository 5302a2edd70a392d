/** Directory of providers: fetches the offers of all peers, verifies them and keeps them until they expire. */
import { isAppError } from '../../../shared/errors.ts';
import { OFFER_PATH, type Offer } from '../../../shared/offer.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Network } from '../../ports/network.ts';
import { readText } from '../../ports/read-text.ts';
import { clockDifferenceMs } from '../identity/index.ts';
import { KnownOffers, type Provider } from './known-offers.ts';

export interface DirectoryOptions {
  readonly network: Pick<Network, 'peers' | 'onPeers' | 'fetch'>;
  readonly clock: Clock;
  /** Verifies a compact JWS and returns the offer in it; throws if it is invalid. */
  readonly readOffer: (jws: string, peer: string) => Promise<Offer>;
  /** Interval between two refreshes of a peer's offer. Default 60 s. */
  readonly refreshMs?: number;
  /** Connects to further peers that may sell the model (any, when null); absent: there is no market to search. */
  readonly seek?: (modelId: string | null) => Promise<unknown>;
}

export interface Directory {
  /** Refreshes the offers of connected peers at intervals, until `stop`. */
  start(): void;
  stop(): void;
  /** Providers with a valid offer, without peers to avoid. */
  providers(): readonly Provider[];
  /** True if a valid offer contained the model within this time, even if its peer has left since. */
  offeredWithin(modelId: string, withinMs: number): boolean;
  /**
   * Returns the providers of this model (of any, when null) without those in `without`. Before it returns an empty
   * list it queries every peer again, and then searches the market.
   */
  find(modelId: string | null, without?: ReadonlySet<string>): Promise<readonly Provider[]>;
  /** Fetches one peer's offer now; null if the peer sells nothing, can't be reached, or its offer is invalid. */
  refresh(peer: string): Promise<Offer | null>;
  /** Leaves a peer out for a while, because it failed or cheated. */
  avoid(peer: string, forMs: number): void;
  /**
   * Returns by how much the clocks of the peers that sent an offer are ahead of this machine's (negative: behind), as
   * the median; 0 if they agree within minutes, null if fewer than `peersMin` peers (default: 1) sent an offer.
   */
  peersAheadMs(peersMin?: number): number | null;
  /** Called when the offers changed. */
  onChange(listener: (providers: readonly Provider[]) => void): () => void;
}

const REFRESH_MS = 60_000;
/** Interval in which every peer is queried at most once, so that searches don't flood them. */
const QUERY_ALL_MS_MIN = 1_000;
const FETCH_MS_MAX = 10_000;
const OFFER_CHARACTERS_MAX = 64 * 1024;

/** See {@link Directory}. */
export function createDirectory(options: DirectoryOptions): Directory {
  const { network, clock } = options;
  const known = new KnownOffers(clock);
  let queriedAllAtMs: number | null = null;
  let timer: Timer | null = null;
  let unsubscribe: (() => void) | null = null;

  const clocks = new Map<string, number>();
  const refresh = (peer: string) =>
    known.fetch(peer, () => fetchOffer(options, peer, (aheadMs) => clocks.set(peer, aheadMs)));
  const connected = () => network.peers().flatMap((peer) => (peer.connected ? [peer.peer] : []));
  /** Peers that were connected at the last change. */
  let before: ReadonlySet<string> = new Set();

  async function refreshDue(): Promise<void> {
    const peers = connected();
    const present = new Set(network.peers().map(({ peer }) => peer));
    known.keepOnly(present);
    for (const peer of clocks.keys()) if (!present.has(peer)) clocks.delete(peer);
    await Promise.all(peers.filter((peer) => !known.skipRefresh(peer)).map(refresh));
  }

  /** Queries the peers that have just connected: one that was away may have started again with another offer. */
  async function refreshNew(): Promise<void> {
    const peers = connected();
    const fresh = peers.filter((peer) => !before.has(peer));
    before = new Set(peers);
    await Promise.all(fresh.map(refresh));
  }

  /** Queries every peer, including those whose last offer expired or that sold nothing before; at most once per second. */
  async function queryAll(): Promise<void> {
    const nowMs = clock.monotonic();
    if (queriedAllAtMs !== null && nowMs - queriedAllAtMs < QUERY_ALL_MS_MIN) {
      await known.fetched();
      return;
    }
    queriedAllAtMs = nowMs;
    await Promise.all(connected().map(refresh));
  }

  return {
    start() {
      timer ??= clock.every(options.refreshMs ?? REFRESH_MS, () => void refreshDue());
      before = new Set(connected());
      unsubscribe ??= network.onPeers(() => void refreshNew());
      void refreshDue();
    },
    stop() {
      timer?.cancel();
      timer = null;
      unsubscribe?.();
      unsubscribe = null;
    },
    providers: () => known.providers(),
    offeredWithin: (modelId, withinMs) => known.offeredWithin(modelId, withinMs),
    async find(modelId, without) {
      const selling = () =>
        known
          .providers()
          .filter(({ peer }) => !without?.has(peer))
          .filter(({ offer }) => offer.models.some((model) => modelId === null || model.id === modelId));
      const found = selling();
      if (found.length > 0) return found;
      await queryAll();
      const queried = selling();
      if (queried.length > 0 || options.seek === undefined) return queried;
      await options.seek(modelId);
      // Those that were reached are queried as soon as they are connected.
      await refreshNew();
      await known.fetched();
      return selling();
    },
    refresh,
    avoid: (peer, forMs) => known.avoid(peer, forMs),
    peersAheadMs: (peersMin = 1) => (clocks.size < peersMin ? null : median([...clocks.values()])),
    onChange: (listener) => known.onChange(listener),
  };
}

async function fetchOffer(
  { network, clock, readOffer }: DirectoryOptions,
  peer: string,
  /** Called with the difference of the clocks where the offer tells it. */
  onClock: (aheadMs: number) => void,
): Promise<Offer | null> {
  const ended = new AbortController();
  const limit = clock.after(FETCH_MS_MAX, () => ended.abort());
  try {
    const response = await network.fetch(peer, OFFER_PATH, { signal: ended.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return null;
    }
    const { text, isComplete } = await readText(response, OFFER_CHARACTERS_MAX);
    if (!isComplete) return null;
    const offer = await readOffer(text, peer);
    onClock(clockDifferenceMs(offer, clock.now()));
    return offer;
  } catch (error) {
    if (isAppError(error) && typeof error.details.aheadMs === 'number') onClock(error.details.aheadMs);
    // Every error of a peer has the same effect here: nothing can be bought from it now.
    return null;
  } finally {
    limit.cancel();
  }
}

/** The lower of the two middle values if there is no single one; null for an empty list. */
function median(values: readonly number[]): number | null {
  return [...values].sort((left, right) => left - right)[Math.floor((values.length - 1) / 2)] ?? null;
}

/** Who sells what: the offers of all peers, fetched, verified and kept until they expire. */
import { AppError } from '../../../shared/errors.ts';
import { OFFER_PATH, type Offer } from '../../../shared/offer.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Network } from '../../ports/network.ts';

export interface DirectoryOptions {
  readonly network: Pick<Network, 'peers' | 'onPeers' | 'fetch'>;
  readonly clock: Clock;
  /** Checks a compact JWS and gives back the offer; throws when it does not hold. */
  readonly readOffer: (jws: string, peer: string) => Promise<Offer>;
  /** How often peers are asked again. Default 60 s. */
  readonly refreshMs?: number;
}

export interface Provider {
  readonly peer: string;
  readonly offer: Offer;
}

export interface Directory {
  /** Asks connected peers now and then; `stop` ends that. */
  start(): void;
  stop(): void;
  /** Offers that hold now, of peers that are not avoided. */
  providers(): readonly Provider[];
  /**
   * Who sells this model (any, when null), those left out who are not to be asked; asks every peer again before it
   * answers that nobody does.
   */
  find(modelId: string | null, without?: ReadonlySet<string>): Promise<readonly Provider[]>;
  /** Asks one peer anew; null when it sells nothing, cannot be reached, or its offer does not hold. */
  refresh(peer: string): Promise<Offer | null>;
  /** Leaves a peer out for a while: it failed or cheated. */
  avoid(peer: string, forMs: number): void;
  /** Called when the offers changed. */
  onChange(listener: (providers: readonly Provider[]) => void): () => void;
}

const REFRESH_MS = 60_000;
const ASK_EVERYBODY_MS_MIN = 1_000;
const FETCH_MS_MAX = 10_000;
const OFFER_BYTES_MAX = 64 * 1024;
/** A peer that sells nothing is asked again after this many refreshes. */
const EMPTY_REFRESHES = 5;

interface Entry {
  offer: Offer | null;
  asking: Promise<Offer | null> | null;
  /** Refreshes to skip: most peers only buy. */
  skip: number;
  avoidUntilMs: number;
}

/** See {@link Directory}. */
export function createDirectory(options: DirectoryOptions): Directory {
  const { network, clock, readOffer } = options;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(providers: readonly Provider[]) => void>();
  let askedEverybodyAtMs: number | null = null;
  let timer: Timer | null = null;
  let unsubscribe: (() => void) | null = null;

  function entry(peer: string): Entry {
    const existing = entries.get(peer);
    if (existing) return existing;
    const made: Entry = { offer: null, asking: null, skip: 0, avoidUntilMs: 0 };
    entries.set(peer, made);
    return made;
  }

  function providers(): Provider[] {
    const nowMs = clock.now();
    const found: Provider[] = [];
    for (const [peer, { offer, avoidUntilMs }] of entries) {
      if (offer && offer.expiresAtMs > nowMs && avoidUntilMs <= nowMs) found.push({ peer, offer });
    }
    return found;
  }

  function refresh(peer: string): Promise<Offer | null> {
    const known = entry(peer);
    known.asking ??= ask(peer).then((offer) => {
      known.asking = null;
      known.skip = offer ? 0 : EMPTY_REFRESHES;
      const changed = JSON.stringify(offer?.models) !== JSON.stringify(known.offer?.models);
      known.offer = offer;
      if (changed) for (const listener of listeners) listener(providers());
      return offer;
    });
    return known.asking;
  }

  async function ask(peer: string): Promise<Offer | null> {
    const ended = new AbortController();
    const limit = clock.after(FETCH_MS_MAX, () => ended.abort());
    try {
      const response = await network.fetch(peer, OFFER_PATH, { signal: ended.signal });
      if (response.status !== 200) {
        await response.body?.cancel();
        return null;
      }
      return await readOffer(await readText(response, OFFER_BYTES_MAX), peer);
    } catch {
      // Whatever a peer does wrong here comes to the same: it sells us nothing now.
      return null;
    } finally {
      limit.cancel();
    }
  }

  function askAll(): Promise<unknown> {
    const connected = network.peers().filter((peer) => peer.connected);
    const here = new Set(network.peers().map(({ peer }) => peer));
    for (const [peer, known] of entries) {
      if (!here.has(peer) && known.avoidUntilMs <= clock.now()) entries.delete(peer);
    }
    return Promise.all(
      connected.map(({ peer }) => {
        const known = entry(peer);
        if (known.skip > 0) {
          known.skip -= 1;
          return null;
        }
        return refresh(peer);
      }),
    );
  }

  /** Also those whose last offer ran out or who sold nothing yet; not more often than peers can bear. */
  async function askEverybody(): Promise<void> {
    const nowMs = clock.monotonic();
    if (askedEverybodyAtMs !== null && nowMs - askedEverybodyAtMs < ASK_EVERYBODY_MS_MIN) {
      await Promise.all([...entries.values()].map(({ asking }) => asking));
      return;
    }
    askedEverybodyAtMs = nowMs;
    const connected = network.peers().filter((peer) => peer.connected);
    await Promise.all(connected.map(({ peer }) => refresh(peer)));
  }

  function askNew(): Promise<unknown> {
    const fresh = network.peers().filter(({ peer, connected }) => connected && !entries.has(peer));
    return Promise.all(fresh.map(({ peer }) => refresh(peer)));
  }

  return {
    start() {
      timer ??= clock.every(options.refreshMs ?? REFRESH_MS, () => void askAll());
      unsubscribe ??= network.onPeers(() => void askNew());
      void askAll();
    },
    stop() {
      timer?.cancel();
      timer = null;
      unsubscribe?.();
      unsubscribe = null;
    },
    providers,
    async find(modelId, without) {
      const selling = () =>
        providers().filter(
          ({ peer, offer }) =>
            !without?.has(peer) && offer.models.some((model) => modelId === null || model.id === modelId),
        );
      const known = selling();
      if (known.length > 0) return known;
      await askEverybody();
      return selling();
    },
    refresh,
    avoid(peer, forMs) {
      entry(peer).avoidUntilMs = clock.now() + forMs;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

async function readText(response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > bytesMax) throw new AppError('bad-request', 'The offer is too long.');
  }
  return text;
}

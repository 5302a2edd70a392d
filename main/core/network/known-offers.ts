/** The latest offer of each peer, with the peers to skip or to avoid for a while. */
import type { Offer } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';

export interface Provider {
  readonly peer: string;
  readonly offer: Offer;
}

interface Entry {
  offer: Offer | null;
  /** End of the offer's validity. All times here are monotonic: the time of day may be set at any moment. */
  validUntilMs: number;
  /** The fetch that is in progress. */
  fetching: Promise<Offer | null> | null;
  /** Number of refreshes to skip: most peers only buy. */
  skip: number;
  avoidUntilMs: number;
}

/** A peer without an offer is queried again after this many refreshes. */
const EMPTY_REFRESHES = 5;
/** Models whose last offer is remembered; beyond it the one that wasn't offered for the longest time is forgotten. */
const MODELS_MAX = 2_000;

export class KnownOffers {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Time of the last fetch that offered a model, on the clock that never jumps; the stalest first. */
  readonly #offeredAtMs = new Map<string, number>();
  readonly #listeners = new Set<(providers: readonly Provider[]) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Providers with an offer that is valid now, without peers to avoid. */
  providers(): readonly Provider[] {
    const nowMs = this.#clock.monotonic();
    const found: Provider[] = [];
    for (const [peer, { offer, validUntilMs, avoidUntilMs }] of this.#entries) {
      if (offer && validUntilMs > nowMs && avoidUntilMs <= nowMs) found.push({ peer, offer });
    }
    return found;
  }

  offeredWithin(modelId: string, withinMs: number): boolean {
    if (this.providers().some(({ offer }) => offer.models.some(({ id }) => id === modelId))) return true;
    const atMs = this.#offeredAtMs.get(modelId);
    return atMs !== undefined && this.#clock.monotonic() - atMs <= withinMs;
  }

  /** Fetches the peer's offer and stores it, or joins the fetch that is in progress. */
  fetch(peer: string, fetchOffer: () => Promise<Offer | null>): Promise<Offer | null> {
    const entry = this.#entry(peer);
    entry.fetching ??= fetchOffer().then((offer) => {
      entry.fetching = null;
      entry.skip = offer ? 0 : EMPTY_REFRESHES;
      const changed = JSON.stringify(offer?.models) !== JSON.stringify(entry.offer?.models);
      entry.offer = offer;
      entry.validUntilMs = offer ? this.#clock.monotonic() + remainingMs(offer, this.#clock.now()) : 0;
      this.#noteOffered(offer);
      if (changed) for (const listener of this.#listeners) listener(this.providers());
      return offer;
    });
    return entry.fetching;
  }

  /** Resolves when the fetches that are in progress have ended. */
  fetched(): Promise<unknown> {
    return Promise.all([...this.#entries.values()].map(({ fetching }) => fetching));
  }

  /** Counts a refresh of the peer; true if it is to be skipped. */
  skipRefresh(peer: string): boolean {
    const entry = this.#entry(peer);
    if (entry.skip === 0) return false;
    entry.skip -= 1;
    return true;
  }

  avoid(peer: string, forMs: number): void {
    const entry = this.#entry(peer);
    // A shorter penalty doesn't end a longer one.
    entry.avoidUntilMs = Math.max(entry.avoidUntilMs, this.#clock.monotonic() + forMs);
  }

  /** Forgets all other peers, except those to avoid. */
  keepOnly(peers: ReadonlySet<string>): void {
    const nowMs = this.#clock.monotonic();
    for (const [peer, { avoidUntilMs }] of this.#entries) {
      if (!peers.has(peer) && avoidUntilMs <= nowMs) this.#entries.delete(peer);
    }
  }

  /** Called when the models on offer changed. Returns its unsubscribe. */
  onChange(listener: (providers: readonly Provider[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #noteOffered(offer: Offer | null): void {
    for (const { id } of offer?.models ?? []) {
      this.#offeredAtMs.delete(id);
      this.#offeredAtMs.set(id, this.#clock.monotonic());
    }
    for (const stalest of this.#offeredAtMs.keys()) {
      if (this.#offeredAtMs.size <= MODELS_MAX) return;
      this.#offeredAtMs.delete(stalest);
    }
  }

  #entry(peer: string): Entry {
    const existing = this.#entries.get(peer);
    if (existing) return existing;
    const made: Entry = { offer: null, validUntilMs: 0, fetching: null, skip: 0, avoidUntilMs: 0 };
    this.#entries.set(peer, made);
    return made;
  }
}

/**
 * Returns for how long an offer that has just arrived is valid: until its expiry if the clocks agree, for its whole
 * lifetime if they don't.
 */
function remainingMs({ issuedAtMs, expiresAtMs }: Offer, nowMs: number): number {
  const clocksAgree = issuedAtMs <= nowMs && nowMs < expiresAtMs;
  return clocksAgree ? expiresAtMs - nowMs : expiresAtMs - issuedAtMs;
}

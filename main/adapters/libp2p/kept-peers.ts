/** Keeps peers connected: those added by address for good, those that mDNS found while dials succeed. */
import type { PeerInfo as FoundPeer, Libp2p } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { KnownPeers } from './known-peers.ts';
import { ofPeer } from './public-addresses.ts';

export interface KeptPeersOptions {
  readonly node: Libp2p;
  readonly known: KnownPeers;
  readonly clock: Clock;
  /** The peer ID of this machine. */
  readonly ownPeer: string;
}

const REDIAL_MS_MIN = 1_000;
const REDIAL_MS_MAX = 60_000;
/** A peer that is known only from mDNS is forgotten after this many failed dials in a row. */
const DIALS_MAX = 20;

interface Kept {
  /** With the peer ID. */
  addresses: readonly Multiaddr[];
  /** The owner gave its address; otherwise mDNS found it. */
  readonly isNamed: boolean;
  failures: number;
  timer: Timer | null;
}

export class KeptPeers {
  readonly #options: KeptPeersOptions;
  readonly #kept = new Map<string, Kept>();
  #running = false;

  constructor(options: KeptPeersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
  }

  stop(): void {
    this.#running = false;
    for (const entry of this.#kept.values()) {
      entry.timer?.cancel();
      entry.timer = null;
    }
  }

  /** Keeps a connected peer by its address. */
  add(peer: string, target: Multiaddr): void {
    this.#kept.get(peer)?.timer?.cancel();
    this.#kept.set(peer, this.#entry(peer, [target], true));
  }

  /** Keeps a peer by its address, and dials it now and whenever the connection is lost. */
  join(peer: string, target: Multiaddr): void {
    if (peer === this.#options.ownPeer || this.#kept.get(peer)?.isNamed) return;
    this.add(peer, target);
    const entry = this.#kept.get(peer);
    if (entry) void this.#dial(peer, entry);
  }

  /** Keeps a peer that mDNS found, and dials it. */
  found({ id, multiaddrs }: FoundPeer): void {
    const { known, ownPeer } = this.#options;
    const peer = id.toString();
    const existing = this.#kept.get(peer);
    // Its addresses may have changed since, and it announces those of the LAN nowhere else.
    if (existing && !existing.isNamed && multiaddrs.length > 0) {
      existing.addresses = this.#entry(peer, multiaddrs, false).addresses;
    }
    if (!this.#running || peer === ownPeer || existing) return;
    const entry = this.#entry(peer, multiaddrs, false);
    this.#kept.set(peer, entry);
    const addresses = multiaddrs.map((address) => address.toString());
    known.update(peer, { source: 'mdns', ...(known.isConnected(peer) ? {} : { addresses }) });
    void this.#dial(peer, entry);
  }

  /** Dials a kept peer again; forgets any other one. */
  disconnected(peer: string): void {
    const entry = this.#kept.get(peer);
    if (!entry) {
      this.#forget(peer);
      return;
    }
    this.#options.known.update(peer, { connected: false });
    this.#redial(peer, entry);
  }

  #entry(peer: string, addresses: readonly Multiaddr[], isNamed: boolean): Kept {
    return {
      addresses: addresses.map((address) => ofPeer(address, peer)),
      isNamed,
      failures: 0,
      timer: null,
    };
  }

  #redial(peer: string, entry: Kept): void {
    if (!this.#running || entry.timer) return;
    const delayMs = Math.min(REDIAL_MS_MAX, REDIAL_MS_MIN * 2 ** Math.min(entry.failures, 10));
    entry.timer = this.#options.clock.after(delayMs, () => {
      entry.timer = null;
      void this.#dial(peer, entry);
    });
  }

  async #dial(peer: string, entry: Kept): Promise<void> {
    if (!this.#running || this.#options.known.isConnected(peer)) return;
    try {
      await this.#options.node.dial([...entry.addresses]);
      entry.failures = 0;
    } catch {
      entry.failures += 1;
      if (!entry.isNamed && entry.failures >= DIALS_MAX) this.#forget(peer);
      else this.#redial(peer, entry);
    }
  }

  #forget(peer: string): void {
    this.#kept.get(peer)?.timer?.cancel();
    this.#kept.delete(peer);
    this.#options.known.remove(peer);
  }
}

/**
 * Looks for a direct way to a peer that is connected over a relay only: it may have opened a port after it was found. What the
 * peer says about its addresses is dialed rarely, and never in a LAN that isn't public.
 */
import type { Libp2p, PeerId } from '@libp2p/interface';
import type { Clock } from '../../ports/clock.ts';
import { type AddressScope, dialable, isRelayed, ofPeer } from './public-addresses.ts';

const TRY_AGAIN_MS = 300_000;
const DIAL_MS_MAX = 5_000;
/** Peers whose last try is remembered; the oldest are forgotten first. */
const TRIED_MAX = 1_024;

export class DirectWays {
  readonly #node: Libp2p;
  readonly #scope: AddressScope;
  readonly #clock: Clock;
  /** The addresses of the last try and its time. */
  readonly #tried = new Map<string, { readonly addresses: string; readonly atMs: number }>();

  constructor(node: Libp2p, scope: AddressScope, clock: Clock) {
    this.#node = node;
    this.#scope = scope;
    this.#clock = clock;
  }

  /** Resolves to true if there is a direct connection now that there wasn't before. Never rejects. */
  async find(peer: PeerId): Promise<boolean> {
    const connections = this.#node.getConnections(peer);
    if (connections.length === 0 || connections.some(({ remoteAddr }) => !isRelayed(remoteAddr)))
      return false;
    const known = await this.#node.peerStore.get(peer).catch(() => null);
    const direct = (known?.addresses ?? [])
      .map(({ multiaddr }) => multiaddr)
      .filter((address) => !isRelayed(address));
    const addresses = dialable(direct, this.#scope).map((address) => ofPeer(address, peer.toString()));
    if (addresses.length === 0 || !this.#isDue(peer.toString(), addresses.map(String).sort().join())) {
      return false;
    }
    try {
      // libp2p would otherwise return the open connection.
      await this.#node.dial(addresses, { force: true, signal: AbortSignal.timeout(DIAL_MS_MAX) });
      return true;
    } catch {
      return false;
    }
  }

  /** New addresses are tried immediately. */
  #isDue(peer: string, addresses: string): boolean {
    const nowMs = this.#clock.monotonic();
    const last = this.#tried.get(peer);
    if (last?.addresses === addresses && nowMs - last.atMs < TRY_AGAIN_MS) return false;
    this.#tried.delete(peer);
    this.#tried.set(peer, { addresses, atMs: nowMs });
    const [oldest] = this.#tried.keys();
    if (this.#tried.size > TRIED_MAX && oldest !== undefined) this.#tried.delete(oldest);
    return true;
  }
}

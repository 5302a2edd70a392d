/**
 * Looks for a direct way to a peer that is connected over a relay only: it may have opened a port after it was found. It is
 * asked for its addresses while it is used, in growing pauses, and never dialed in a LAN.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import type { Clock } from '../../ports/clock.ts';
import { type AddressScope, dialable, isRelayed, ofPeer } from './public-addresses.ts';

const TRY_AGAIN_MS_MIN = 10_000;
const TRY_AGAIN_MS_MAX = 300_000;
const ASK_MS_MAX = 5_000;
const DIAL_MS_MAX = 5_000;
/** Peers whose last try is remembered; the oldest are forgotten first. */
const TRIED_MAX = 1_024;

export interface DirectWaysParts {
  readonly node: Libp2p;
  /** Asks a peer for its addresses; they are then in the node's peer store. */
  readonly identify: (connection: Connection, options: { readonly signal: AbortSignal }) => Promise<unknown>;
  readonly scope: AddressScope;
  readonly clock: Clock;
}

export class DirectWays {
  readonly #parts: DirectWaysParts;
  readonly #tried = new Map<string, { readonly tries: number; readonly againAtMs: number }>();

  constructor(parts: DirectWaysParts) {
    this.#parts = parts;
  }

  /** Resolves to true if there is a direct connection now that there wasn't before. Never rejects. */
  async find(peer: PeerId): Promise<boolean> {
    const { node, identify } = this.#parts;
    const [first, ...others] = node.getConnections(peer);
    if (first === undefined || [first, ...others].some(({ remoteAddr }) => !isRelayed(remoteAddr)))
      return false;
    if (!this.#isDue(peer.toString())) return false;
    try {
      await identify(first, { signal: AbortSignal.timeout(ASK_MS_MAX) });
      const { addresses } = await node.peerStore.get(peer);
      const direct = this.#direct(addresses.map(({ multiaddr }) => multiaddr)).map((address) =>
        ofPeer(address, peer.toString()),
      );
      if (direct.length === 0) return false;
      // libp2p would otherwise return the open connection.
      await node.dial(direct, { force: true, signal: AbortSignal.timeout(DIAL_MS_MAX) });
      return true;
    } catch {
      return false;
    }
  }

  #direct(addresses: Parameters<typeof dialable>[0]): ReturnType<typeof dialable> {
    return dialable(
      addresses.filter((address) => !isRelayed(address)),
      this.#parts.scope,
    );
  }

  #isDue(peer: string): boolean {
    const nowMs = this.#parts.clock.monotonic();
    const last = this.#tried.get(peer);
    if (last !== undefined && nowMs < last.againAtMs) return false;
    const tries = (last?.tries ?? 0) + 1;
    const waitMs = Math.min(TRY_AGAIN_MS_MAX, TRY_AGAIN_MS_MIN * 4 ** Math.min(tries - 1, 5));
    this.#tried.delete(peer);
    this.#tried.set(peer, { tries, againAtMs: nowMs + waitMs });
    const [oldest] = this.#tried.keys();
    if (this.#tried.size > TRIED_MAX && oldest !== undefined) this.#tried.delete(oldest);
    return true;
  }
}

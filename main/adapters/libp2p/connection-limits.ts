/**
 * Limits what strangers can make this machine hold: connections for each peer, address and subnet, and in total. When
 * places become scarce, connections of peers that never paid are closed, idle ones first, so that newcomers always find
 * a place.
 */
import type { Connection, ConnectionGater, Libp2p, MultiaddrConnection, PeerId } from '@libp2p/interface';
import { subnetOf } from '../../../shared/subnet.ts';
import type { Log } from '../../ports/log.ts';
import { isRelayed } from './public-addresses.ts';

/** Concurrent connections of any kind. */
export const CONNECTIONS_MAX = 256;
/** Inbound connections of one peer: one is enough, the others overlap while it reconnects. */
export const CONNECTIONS_PER_PEER_MAX = 4;
/** Inbound connections from one IP address: an office may have a whole floor behind one. */
export const CONNECTIONS_PER_ADDRESS_MAX = 64;
/** Inbound connections from one subnet (IPv4: /24, IPv6: /48), which one person can own. */
export const CONNECTIONS_PER_SUBNET_MAX = 128;
/** Places that closing idle connections keeps free. */
export const CONNECTIONS_FREE_MIN = 32;

export interface ConnectionLimits {
  /** For the node's options. */
  readonly gater: ConnectionGater;
  /** Starts to keep places free on this node. */
  watch(node: Libp2p): void;
  /** Marks a peer that paid: its connections are the last to be closed. */
  prefer(peer: string): void;
}

/** Peers that paid; the oldest are forgotten first. */
const PREFERRED_MAX = 4_096;

/** `connectionsMax`: concurrent connections of any kind. */
export function createConnectionLimits(log: Log | null, connectionsMax = CONNECTIONS_MAX): ConnectionLimits {
  const addresses = new Counts();
  const subnets = new Counts();
  const preferred = new Set<string>();
  let node: Libp2p | null = null;

  function deny(reason: string, from: string): true {
    log?.debug('A connection was refused', { reason, from });
    return true;
  }

  function admit(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection.remoteAddr.toString());
    // No address, for example over a relay: the limits per peer and in total apply.
    if (host === null) return false;
    const subnet = subnetOf(host);
    if (addresses.of(host) >= CONNECTIONS_PER_ADDRESS_MAX) close(1, (from) => from === host);
    if (addresses.of(host) >= CONNECTIONS_PER_ADDRESS_MAX) return deny('address', host);
    if (subnets.of(subnet) >= CONNECTIONS_PER_SUBNET_MAX) close(1, (from) => subnetOf(from) === subnet);
    if (subnets.of(subnet) >= CONNECTIONS_PER_SUBNET_MAX) return deny('subnet', subnet);
    addresses.add(host);
    subnets.add(subnet);
    connection.addEventListener(
      'close',
      () => {
        addresses.remove(host);
        subnets.remove(subnet);
      },
      { once: true },
    );
    return false;
  }

  function isOverPeerLimit(peer: PeerId): boolean {
    const own = node?.getConnections(peer).filter(({ direction }) => direction === 'inbound') ?? [];
    return own.length >= CONNECTIONS_PER_PEER_MAX && deny('peer', peer.toString());
  }

  /** Closes the least useful connections from such addresses. */
  function close(count: number, isFrom: (host: string) => boolean): void {
    const all = node?.getConnections() ?? [];
    const closed = leastUseful(all, preferred)
      .filter(({ remoteAddr }) => isFrom(hostOf(remoteAddr.toString()) ?? ''))
      .slice(0, count);
    for (const connection of closed) connection.abort(new Error('this machine needs the place'));
    log?.debug('Connections were closed to make room', { closed: closed.length, open: all.length });
  }

  function keepPlacesFree(): void {
    const surplus = (node?.getConnections().length ?? 0) - (connectionsMax - CONNECTIONS_FREE_MIN);
    if (surplus > 0) close(surplus, () => true);
  }

  return {
    gater: {
      denyInboundConnection: admit,
      denyInboundEncryptedConnection: isOverPeerLimit,
      // Again, since several may have been on their way at the same time.
      denyInboundUpgradedConnection: isOverPeerLimit,
    },
    watch(watched) {
      node = watched;
      watched.addEventListener('connection:open', keepPlacesFree);
    },
    prefer(peer) {
      preferred.delete(peer);
      preferred.add(peer);
      const [oldest] = preferred;
      if (preferred.size > PREFERRED_MAX && oldest !== undefined) preferred.delete(oldest);
    },
  };
}

/** Returns the inbound connections of peers that never paid: without streams first, then those open longest. */
function leastUseful(all: readonly Connection[], preferred: ReadonlySet<string>): readonly Connection[] {
  return all
    .filter(({ direction }) => direction === 'inbound')
    .filter(({ remotePeer }) => !preferred.has(remotePeer.toString()))
    .sort(
      (left, right) =>
        Number(left.streams.length > 0) - Number(right.streams.length > 0) ||
        left.timeline.open - right.timeline.open,
    );
}

class Counts {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  remove(name: string): void {
    const left = this.of(name) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }
}

/** Returns the IP address in a multiaddr, or null: a relayed address begins with the relay's, not with the peer's. */
export function hostOf(address: string): string | null {
  if (isRelayed(address)) return null;
  return /^\/ip[46]\/([^/]+)/.exec(address)?.[1]?.toLowerCase() ?? null;
}

/** Implements the market of the Network port with the DHT and relays. Loaded only where it is wanted. */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import type { Connection, Ed25519PrivateKey } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { forceUnwrap } from '../../../shared/assert.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market, RelayUse } from '../../ports/network.ts';
import { AddressTests } from './address-tests.ts';
import type { KeptPeers } from './kept-peers.ts';
import { createMarketParts } from './market-parts.ts';
import { keepNeighbors } from './neighbors.ts';
import type { MarketParts, Node } from './node.ts';
import { GossipedHints } from './offer-gossip.ts';
import { ProviderRecords } from './provider-records.ts';
import { type AddressScope, isRelayed, namedAddress, peerOf, relayOf } from './public-addresses.ts';
import { PublicDht } from './public-dht.ts';
import { PLACE_AT_A_RELAY, RELAYS_WANTED, RelayPlaces } from './relay-places.ts';
import { RoutedPorts } from './routed-port.ts';
import type { TrafficCounter } from './stream-socket.ts';

export interface MarketOptions {
  /** Multiaddrs without the peer ID at which strangers reach this machine; with one, no relay is asked for a place. */
  readonly announce: readonly string[];
  /** Default: only public addresses. */
  readonly scope?: AddressScope;
  /** TCP port that the owner has the router forward, the same on both, while the router's address isn't announced. */
  readonly forwardedPort?: number | null;
  /** Multiaddrs of nodes of the public DHT, with the peer ID; absent: it is not used. */
  readonly publicDht?: readonly string[];
}

/** An ordinary machine's part in the market. */
export interface OpenMarket {
  /** For the node's options. */
  readonly parts: MarketParts;
  /** Multiaddrs to listen on in addition. */
  readonly listen: readonly string[];
  /** Reserves places at relays and has addresses tested from now on. */
  start(node: Node): void;
  stop(): void;
  marketOf(node: Node, kept: KeptPeers, traffic: TrafficCounter): Market;
}

export function openMarket(
  { announce, scope = 'public', publicDht = [], forwardedPort = null }: MarketOptions,
  privateKey: Ed25519PrivateKey,
  { clock, log }: { readonly clock: Clock; readonly log: Log | null },
): OpenMarket {
  // A machine with an announced address is reached there; it still dials others over their relays.
  const places = announce.length === 0 ? new RelayPlaces(clock, log) : null;
  const relayed = places?.transport ?? circuitRelayTransport();
  let started: Node | null = null;
  const own = () => forceUnwrap('addresses are read after the start', started).services.own;
  const listeners = new Set<() => void>();
  const onResult = () => {
    for (const listener of listeners) listener();
  };
  const tests = new AddressTests({ clock, log, scope, manager: () => own().manager, onResult });
  const ports = new RoutedPorts({ own, tests, forwardedPort });
  return {
    parts: createMarketParts({ privateKey, scope, announce, isServer: false, relayed }),
    listen: places === null ? [] : Array.from({ length: RELAYS_WANTED }, () => PLACE_AT_A_RELAY),
    start(node) {
      started = node;
      places?.start(node);
      tests.start(node);
      ports.start(node);
    },
    stop() {
      places?.stop();
      tests.stop();
      if (started !== null) ports.stop(started);
    },
    marketOf(node, kept, traffic) {
      const { neighbors, ...market } = createMarket(node, kept, { privateKey, scope, clock, publicDht });
      return {
        ...market,
        ways: () => ({
          neighbors: neighbors(),
          addresses: started === null ? [] : tests.list(),
          relays:
            places === null
              ? []
              : places.connections().map((relay) => useOf(relay, { node, traffic, places })),
        }),
        onWays(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        relays: places,
        listenPort: () => (started === null ? null : (own().listening()[0]?.port ?? null)),
        usePort: (port) => ports.use(port),
      };
    },
  };
}

function useOf(
  { remotePeer, remoteAddr, rtt }: Connection,
  { node, traffic, places }: { node: Node; traffic: TrafficCounter; places: RelayPlaces },
): RelayUse {
  const peer = remotePeer.toString();
  const over = node.getConnections().filter((connection) => relayOf(connection.remoteAddr) === peer);
  const isLimited = over.length === 0 ? null : over.some(({ limits }) => limits !== undefined);
  const left = over.flatMap(({ limits }) => (limits?.bytes === undefined ? [] : [Number(limits.bytes)]));
  const leftBytes = left.length === 0 ? null : Math.min(...left);
  return {
    ...{ peer, address: remoteAddr.toString(), isLimited, leftBytes, ...traffic.over(peer) },
    ...{ roundTripMs: rtt ?? null, cost: places.costOf(peer) },
  };
}

export interface CreateMarketOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly scope: AddressScope;
  readonly clock: Clock;
  /** See {@link MarketOptions.publicDht}. */
  readonly publicDht: readonly string[];
}

export function createMarket(
  node: Node,
  kept: KeptPeers,
  { privateKey, scope, clock, publicDht }: CreateMarketOptions,
): Omit<Market, 'ways' | 'onWays' | 'relays' | 'listenPort' | 'usePort'> & {
  readonly neighbors: () => number;
} {
  const dht = forceUnwrap('a node of the market has a DHT', node.services.dht);
  const neighbors = keepNeighbors(node, dht, clock);
  const records = new ProviderRecords(node, dht, scope);
  const gossip = forceUnwrap('a node of the market has gossip', node.services.gossip);
  return {
    neighbors,
    hints: new GossipedHints(gossip, clock),
    publicDht:
      publicDht.length === 0
        ? null
        : new PublicDht({
            privateKey,
            scope,
            bootstrap: publicDht,
            ownAddresses: () => node.getMultiaddrs(),
          }),
    reach() {
      const addresses = node.getMultiaddrs();
      if (addresses.length === 0) return 'none';
      return addresses.every(isRelayed) ? 'relayed' : 'direct';
    },
    onReach(listener) {
      node.addEventListener('self:peer:update', listener);
      return () => node.removeEventListener('self:peer:update', listener);
    },
    join(addresses) {
      for (const address of addresses.map(namedAddress)) kept.join(peerOf(address), address);
    },
    provide: (key, signal) => records.provide(key, signal),
    withdraw: (key) => records.withdraw(key),
    find: (key, signal) => records.find(key, signal),
    async dial(addresses, signal) {
      try {
        await node.dial(
          addresses.map((address) => multiaddr(address)),
          { signal },
        );
        return true;
      } catch {
        // Unreachable, or another peer than the record says.
        return false;
      }
    },
  };
}

/** A node that serves the DHT, relays for others if wanted, and has neither offers nor requests of its own. */
import { OFFER_SHARDS } from '../../../shared/offer-shards.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PublicNode, RelayLimits, RelayMeter } from '../../ports/network.ts';
import { createConnectionLimits } from './connection-limits.ts';
import { serveStreams } from './http-server.ts';
import { KeptPeers } from './kept-peers.ts';
import { createPeerKey, loadPeerKey } from './key.ts';
import { KnownPeers } from './known-peers.ts';
import { listenError } from './listen-error.ts';
import { Liveness } from './liveness.ts';
import { createNode } from './node.ts';
import type { AddressScope } from './public-addresses.ts';
import { countTraffic } from './stream-socket.ts';

export interface PublicNodeOptions {
  /** Folder with the peer key. Must exist. */
  readonly folder: string;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Multiaddrs without the peer ID at which everybody reaches this node; none: the public ones among `listen`. */
  readonly announce: readonly string[];
  /** Other public nodes, multiaddrs with peer ID. */
  readonly bootstrap: readonly string[];
  /** Relays for others. */
  readonly isRelay: boolean;
  readonly limits?: RelayLimits;
  /** Charges the peers that have places; absent: relaying is free. */
  readonly meter?: RelayMeter;
  /** Default: only public addresses. */
  readonly scope?: AddressScope;
  /** Time between the pings of a connection; default: 60 s. */
  readonly pingIntervalMs?: number;
  /** See {@link MarketOptions.publicDht}. */
  readonly publicDht?: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** A public node serves many strangers, and nothing else on its machine needs the places. */
const CONNECTIONS_MAX = 2_048;

/** Creates the node of one folder; nothing listens before `start`. Fails with `keystore-missing` or `bad-request`. */
export async function createPublicNode(options: PublicNodeOptions): Promise<PublicNode> {
  const { listen, announce, clock, log, scope = 'public', publicDht = [] } = options;
  const limits = createConnectionLimits(log, CONNECTIONS_MAX);
  const privateKey = await loadPeerKey(options.folder);
  const key = await createPeerKey(privateKey);
  // Ordinary agents start without this code.
  const [
    { createMarket },
    { createMarketParts },
    { createMetering },
    { createRelayService, RELAY_LIMITS },
    { DialBack },
  ] = await Promise.all([
    import('./market.ts'),
    import('./market-parts.ts'),
    import('./metering.ts'),
    import('./relay-service.ts'),
    import('./dial-back.ts'),
  ]);
  const relay = options.isRelay
    ? createRelayService(options.limits ?? RELAY_LIMITS, { clock, log, meter: options.meter ?? null })
    : null;
  const dialBack = new DialBack({ scope, clock, log });
  const metering = createMetering(relay, () => dialBack.dialed);
  const parts = createMarketParts({
    privateKey,
    scope,
    announce,
    isServer: true,
    ...(relay && { relay: relay.server }),
  });
  const node = await createNode({
    privateKey,
    listen,
    mdnsServiceTag: null,
    connectionGater: { ...limits.gater, ...relay?.gater },
    onFound: () => undefined,
    connectionsMax: CONNECTIONS_MAX,
    ...(options.pingIntervalMs !== undefined && { pingIntervalMs: options.pingIntervalMs }),
    market: { ...parts, metrics: metering.metrics },
  });
  limits.watch(node);
  new Liveness(clock, log).watch(node);
  const known = new KnownPeers();
  const kept = new KeptPeers({ node, known, clock, ownPeer: key.peer });
  const market = createMarket(node, kept, { privateKey, scope, clock, publicDht });
  if (relay && node.services.relay) relay.watch(node, node.services.relay);
  metering.watch(node);
  dialBack.watch(node);

  return {
    peer: key.peer,
    key,
    market,
    async start() {
      kept.start();
      try {
        await node.start();
      } catch (cause) {
        kept.stop();
        await node.stop();
        throw listenError(cause, listen);
      }
      market.join(options.bootstrap);
      // Buyers and providers behind routers are connected to public nodes, and rarely to each other.
      market.hints.listen(OFFER_SHARDS);
    },
    async stop() {
      kept.stop();
      relay?.stop();
      await node.stop();
    },
    prefer: limits.prefer,
    serve: (server) => serveStreams(node, server, { traffic: countTraffic(), clock, log }),
    addresses: () => node.getMultiaddrs().map((address) => address.toString()),
    metrics: () => metering.text(),
  };
}

/**
 * Implements the Network port with libp2p: peers over TCP, found by address, mDNS or the market's DHT; HTTP over
 * `/http/1.1` streams.
 */
import type { Libp2p, PeerId } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Network } from '../../ports/network.ts';
import { createConnectionLimits } from './connection-limits.ts';
import { DirectWays } from './direct-ways.ts';
import { HttpClient } from './http-client.ts';
import { serveStreams } from './http-server.ts';
import { KeptPeers } from './kept-peers.ts';
import { createPeerKey, loadPeerKey, makePeerKey } from './key.ts';
import { KnownPeers } from './known-peers.ts';
import { listenError } from './listen-error.ts';
import { Liveness } from './liveness.ts';
import type { MarketOptions, OpenMarket, openMarket } from './market.ts';
import { createNode } from './node.ts';
import { OutsideReach } from './outside-reach.ts';
import { isRelayed } from './public-addresses.ts';
import { countTraffic } from './stream-socket.ts';

export interface NetworkOptions {
  /** Data folder with the peer key. Must exist. Null: a key for this network alone, which is never stored. */
  readonly folder: string | null;
  /** Multiaddrs to listen on; only loopback by default. */
  readonly listen?: readonly string[];
  readonly clock: Clock;
  /** Find peers on the LAN by mDNS, and be found there. */
  readonly mdns: boolean;
  /** mDNS ignores peers with another service tag, which separates profiles. */
  readonly mdnsServiceTag?: string;
  /** See {@link NodeOptions.networkKey}. */
  readonly networkKey?: string;
  /** Gets a line when strangers reach a limit. */
  readonly log?: Log;
  /** Takes part in the open market; absent: only named peers and those of the LAN are reached. */
  readonly market?: MarketOptions;
  /** Time between the pings of a connection; default: 60 s, with a network key 10 s. */
  readonly pingIntervalMs?: number;
}

const LOOPBACK = ['/ip4/127.0.0.1/tcp/0'];
export const SERVICE_TAG = '_idlewatt._udp.local';

/**
 * Creates the network of one data folder; nothing listens before `start`. Fails with `keystore-missing` if the peer
 * key was lost; `start` fails with `port-in-use`.
 */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const { clock, listen = LOOPBACK, log = null } = options;
  const limits = createConnectionLimits(log);
  const privateKey = await (options.folder === null ? makePeerKey() : loadPeerKey(options.folder));
  const key = await createPeerKey(privateKey);
  const open = options.market ? await loadMarket(options.market, privateKey, { clock, log }) : null;
  const node = await createNode({
    privateKey,
    listen: [...listen, ...(open?.listen ?? [])],
    mdnsServiceTag: options.mdns ? (options.mdnsServiceTag ?? SERVICE_TAG) : null,
    networkKey: options.networkKey ?? null,
    ...(options.pingIntervalMs !== undefined && { pingIntervalMs: options.pingIntervalMs }),
    connectionGater: limits.gater,
    onFound: (found) => kept.found(found),
    ...(open && { market: open.parts }),
  });
  limits.watch(node);
  const traffic = countTraffic();
  const known = new KnownPeers();
  const kept = new KeptPeers({ node, known, clock, ownPeer: key.peer });
  const liveness = new Liveness(clock, log);
  liveness.watch(node);
  const directWays = new DirectWays({
    ...{ node, clock, scope: options.market?.scope ?? 'public' },
    identify: (connection, limits) => node.services.identify.identify(connection, limits),
  });
  const client = new HttpClient(node, { traffic, liveness, clock, directWays });
  watchPeers(node, { known, kept, client });
  const outside = new OutsideReach(() => node.services.own.all(key.peer));
  outside.watch(node);

  return {
    key,
    market: open?.marketOf(node, kept, traffic) ?? null,
    async start() {
      kept.start();
      open?.start(node);
      try {
        await node.start();
      } catch (cause) {
        open?.stop();
        kept.stop();
        await node.stop();
        throw listenError(cause, listen);
      }
    },
    async stop() {
      open?.stop();
      kept.stop();
      await client.closeAll();
      await node.stop();
    },
    addresses: () => node.services.own.all(key.peer).map((address) => address.toString()),
    isReachedFromOutside: () => outside.isProven,
    peers: () => known.list(),
    onPeers: (listener) => known.onChange(listener),
    async connect(address) {
      const { peer, target } = await dial(node, address);
      kept.add(peer, target);
      return peer;
    },
    serve: (server) => serveStreams(node, server, { traffic, clock, log }),
    prefer: limits.prefer,
    fetch: (peer, path, init) => client.fetch(peer, path, init),
    traffic: () => traffic.total(),
  };
}

/** An agent outside the market starts without the code of the market. */
async function loadMarket(...given: Parameters<typeof openMarket>): Promise<OpenMarket> {
  const market = await import('./market.ts');
  return market.openMarket(...given);
}

function watchPeers(
  node: Libp2p,
  { known, kept, client }: { known: KnownPeers; kept: KeptPeers; client: HttpClient },
): void {
  const update = (peer: PeerId) => {
    const connections = node.getConnections(peer);
    // The way that requests take comes first.
    const dialed = connections
      .filter(({ direction }) => direction === 'outbound')
      .sort((left, right) => Number(isRelayed(left.remoteAddr)) - Number(isRelayed(right.remoteAddr)));
    const addresses = [...new Set([...dialed, ...connections])].map(({ remoteAddr }) =>
      remoteAddr.toString(),
    );
    if (addresses.length === 0) return;
    known.update(peer.toString(), {
      connected: true,
      addresses,
      ...(dialed.length > 0 && { dialed: true }),
    });
  };
  node.addEventListener('connection:open', ({ detail }) => update(detail.remotePeer));
  // One of several connections has ended.
  node.addEventListener('connection:close', ({ detail }) => update(detail.remotePeer));
  node.addEventListener('peer:disconnect', ({ detail }) => {
    client.close(detail.toString());
    kept.disconnected(detail.toString());
  });
}

async function dial(node: Libp2p, address: string): Promise<{ peer: string; target: Multiaddr }> {
  let target: Multiaddr;
  try {
    target = multiaddr(address);
  } catch (cause) {
    throw new AppError('bad-request', 'Invalid multiaddr.', { cause });
  }
  try {
    const connection = await node.dial(target);
    return { peer: connection.remotePeer.toString(), target };
  } catch (cause) {
    throw new AppError('peer-unreachable', 'Could not reach the peer.', { cause, details: { address } });
  }
}

/** The configured libp2p node: TCP, noise, yamux, identify, ping and, if wanted, mDNS and the parts of the open market. */
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2';
import type { GossipSub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { ConnectionGater, Ed25519PrivateKey, Libp2p, PeerDiscovery, PeerInfo } from '@libp2p/interface';
import type { KadDHT } from '@libp2p/kad-dht';
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns';
import { noise } from '@libp2p/noise';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { type Ping, ping } from '@libp2p/ping';
import { preSharedKey } from '@libp2p/pnet';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import { VERSION } from '../../../shared/version.ts';
import { CONNECTIONS_MAX } from './connection-limits.ts';
import { lanAddresses, OwnAddresses } from './own-addresses.ts';

/** Services of a node, by the name under which it has them. */
interface Services extends Record<string, unknown> {
  identify: Identify;
  ping: Ping;
  own: OwnAddresses;
  /** Only in the open market. */
  dht?: KadDHT;
  /** Only in the open market. */
  gossip?: GossipSub;
  /** Only at a relay. */
  relay?: CircuitRelayService;
}
export type Node = Libp2p<Services>;
type Options = Libp2pOptions<Services>;

/** Parts that a node has in addition in the open market. */
export interface MarketParts extends Pick<Options, 'datastore' | 'transports' | 'metrics'> {
  readonly addresses: Omit<NonNullable<Options['addresses']>, 'listen'>;
  readonly services: Pick<NonNullable<Options['services']>, 'dht' | 'gossip' | 'relay'>;
}

export interface NodeOptions {
  readonly privateKey: Ed25519PrivateKey;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Service tag for mDNS, which separates profiles; null turns mDNS off. */
  readonly mdnsServiceTag: string | null;
  readonly connectionGater: ConnectionGater;
  /** Pre-shared key of a private network, 32 bytes in hex: peers without it don't get as far as a handshake. */
  readonly networkKey?: string | null;
  /** Called for each peer that mDNS finds. */
  readonly onFound: (peer: PeerInfo) => void;
  /** Absent: only named peers and those of the LAN are reached. */
  readonly market?: MarketParts;
  /** Concurrent connections of any kind. */
  readonly connectionsMax?: number;
}

/** Concurrent HTTP streams that one connection may open here. */
export const HTTP_STREAMS_PER_CONNECTION_MAX = 128;

/*
 * libp2p's defaults (5 inbound connections per second and host, 10 pending, 32 inbound streams per protocol) would
 * reject an office behind one address and a gateway with many requests. These limits are higher, but finite.
 */
const INBOUND_CONNECTIONS_PER_SECOND_AND_HOST = 50;
const PENDING_CONNECTIONS_MAX = 64;
/** Bytes of one stream that may be on the way to a reader that is paused. */
export const STREAM_WINDOW_BYTES_MAX = 512 * 1024;
/**
 * A ping opens a stream, which costs both sides 13 ms of CPU time on an idle machine. Until a peer that vanished is noticed
 * this way, requests to it fail by their own limits.
 */
const PING_INTERVAL_MS = 60_000;
/** Among the few machines of one owner a ping costs little, and the lines of a batch wait for one that was switched off. */
const PRIVATE_PING_INTERVAL_MS = 10_000;

/** Creates a node that doesn't listen yet. */
export function createNode(options: NodeOptions): Promise<Node> {
  const { market } = options;
  return createLibp2p<Services>({
    ...(market?.datastore && { datastore: market.datastore }),
    ...(market?.metrics && { metrics: market.metrics }),
    start: false,
    privateKey: options.privateKey,
    nodeInfo: { name: 'idlewatt', version: VERSION, userAgent: `idlewatt/${VERSION}` },
    addresses: { ...market?.addresses, listen: [...options.listen] },
    transports: [tcp(), ...(market?.transports ?? [])],
    connectionEncrypters: [noise()],
    ...(options.networkKey && { connectionProtector: protectorOf(options.networkKey) }),
    connectionGater: options.connectionGater,
    streamMuxers: [
      yamux({
        maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX * 2,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
      }),
    ],
    peerDiscovery: options.mdnsServiceTag === null ? [] : [discoverOnLan(options, options.mdnsServiceTag)],
    connectionManager: {
      maxConnections: options.connectionsMax ?? CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND_AND_HOST,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
    },
    connectionMonitor: { pingInterval: options.networkKey ? PRIVATE_PING_INTERVAL_MS : PING_INTERVAL_MS },
    services: {
      identify: identify(),
      ping: ping(),
      own: (components) => new OwnAddresses(components),
      ...market?.services,
    },
  });
}

/** The format of libp2p's key files. */
function protectorOf(networkKey: string) {
  return preSharedKey({ psk: new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${networkKey}`) });
}

/** libp2p's own discovery event also reports peers that dialed this one, so the listener is on mDNS itself. */
function discoverOnLan({ onFound, privateKey }: NodeOptions, serviceTag: string) {
  const peer = peerIdFromPrivateKey(privateKey).toString();
  return (components: MulticastDNSComponents) => {
    const discovery: PeerDiscovery = mdns({ serviceTag })(lanAddresses(components, peer));
    discovery.addEventListener('peer', ({ detail }) => onFound(detail));
    return discovery;
  };
}

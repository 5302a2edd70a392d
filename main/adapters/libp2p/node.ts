/** The configured libp2p node: TCP, noise, yamux, identify, ping and, if wanted, mDNS. */
import { identify } from '@libp2p/identify';
import type { ConnectionGater, Ed25519PrivateKey, Libp2p, PeerDiscovery, PeerInfo } from '@libp2p/interface';
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { VERSION } from '../../../shared/version.ts';
import { CONNECTIONS_MAX } from './connection-limits.ts';

export interface NodeOptions {
  readonly privateKey: Ed25519PrivateKey;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Service tag for mDNS, which separates profiles; null turns mDNS off. */
  readonly mdnsServiceTag: string | null;
  readonly connectionGater: ConnectionGater;
  /** Called for each peer that mDNS finds. */
  readonly onFound: (peer: PeerInfo) => void;
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
const STREAM_WINDOW_BYTES_MAX = 512 * 1024;
/**
 * A ping opens a stream, which costs both sides 13 ms of CPU time on an idle machine. Until a peer that vanished is noticed
 * this way, requests to it fail by their own limits.
 */
const PING_INTERVAL_MS = 60_000;

/** Creates a node that doesn't listen yet. */
export function createNode(options: NodeOptions): Promise<Libp2p> {
  // libp2p's own discovery event also reports peers that dialed this one, so the listener is on mDNS itself.
  const discoverOnLan = (serviceTag: string) => (components: MulticastDNSComponents) => {
    const discovery: PeerDiscovery = mdns({ serviceTag })(components);
    discovery.addEventListener('peer', ({ detail }) => options.onFound(detail));
    return discovery;
  };
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    nodeInfo: { name: 'idlewatt', version: VERSION, userAgent: `idlewatt/${VERSION}` },
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    connectionGater: options.connectionGater,
    streamMuxers: [
      yamux({
        maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX * 2,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
      }),
    ],
    peerDiscovery: options.mdnsServiceTag === null ? [] : [discoverOnLan(options.mdnsServiceTag)],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND_AND_HOST,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
    },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: { identify: identify(), ping: ping() },
  });
}

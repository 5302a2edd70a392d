/** Peers over libp2p: TCP, noise, yamux, identify, ping, mDNS; HTTP both ways over `/http/1.1` streams. */
import type { IncomingMessage, Server } from 'node:http';
import { identify } from '@libp2p/identify';
import type { Connection, PeerInfo as FoundPeer, PeerDiscovery, Stream } from '@libp2p/interface';
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns';
import { noise } from '@libp2p/noise';
import { peerIdFromString } from '@libp2p/peer-id';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { type Dispatcher, Pool, fetch as undiciFetch } from 'undici';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { VERSION } from '../../../shared/version.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Network, PeerInfo } from '../../ports/network.ts';
import { createPeerKey, loadPeerKey } from './key.ts';
import { StreamSocket, type TrafficCounter } from './stream-socket.ts';

export interface NetworkOptions {
  /** Home folder that holds the peer key. Must exist. */
  readonly folder: string;
  /** Multiaddrs to listen on; loopback alone unless the owner's profile says more. */
  readonly listen?: readonly string[];
  readonly clock: Clock;
  /** Look for peers on the LAN, and be found there. */
  readonly mdns: boolean;
  /** Peers of another name are not heard over mDNS; profiles keep apart by it. */
  readonly mdnsServiceTag?: string;
}

const HTTP_PROTOCOL = '/http/1.1';
const PEER_HEADER = 'x-peer-id';
const LOOPBACK = ['/ip4/127.0.0.1/tcp/0'];
const SERVICE_TAG = '_idlewatt._udp.local';
const REDIAL_MS_MIN = 1_000;
const REDIAL_MS_MAX = 60_000;
/** A peer that was only heard of over mDNS is forgotten after this many failed dials in a row. */
const DIALS_MAX = 20;

/*
 * libp2p's defaults (5 inbound connections a second and host, 10 pending, 32 inbound streams a protocol)
 * refuse an office behind one address and one gateway with many requests; these are finite all the same.
 */
const INBOUND_CONNECTIONS_PER_SECOND_AND_HOST = 50;
const PENDING_CONNECTIONS_MAX = 64;
const CONNECTIONS_MAX = 256;
const HTTP_STREAMS_PER_CONNECTION_MAX = 128;
/** Requests to one peer at once; more wait. */
const OUTBOUND_REQUESTS_MAX = 64;
const SOCKET_IDLE_MS = 60_000;
/** A prompt may wait for a slot and be read for minutes before the first byte comes. */
const ANSWER_HEADERS_MS_MAX = 600_000;
const ANSWER_SILENCE_MS_MAX = 300_000;

/** A peer that we keep connected, with its redials. */
interface Kept {
  target: Multiaddr | null;
  failures: number;
  timer: Timer | null;
}

interface Known {
  addresses: string[];
  connected: boolean;
  source: PeerInfo['source'];
}

/**
 * Makes the network of one home folder; nothing listens before `start`. Fails with `keystore-missing` when
 * the peer key was lost; `start` fails with `port-in-use`.
 */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const { clock } = options;
  const privateKey = await loadPeerKey(options.folder);
  const key = await createPeerKey(privateKey);
  // libp2p's own discovery event also tells of peers that dialled us, so mDNS is heard at its source.
  function discoverOnLan(components: MulticastDNSComponents): PeerDiscovery {
    const discovery = mdns({ serviceTag: options.mdnsServiceTag ?? SERVICE_TAG })(components);
    discovery.addEventListener('peer', ({ detail }) => discovered(detail));
    return discovery;
  }
  const node = await createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { name: 'idlewatt', version: VERSION, userAgent: `idlewatt/${VERSION}` },
    addresses: { listen: [...(options.listen ?? LOOPBACK)] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX * 2 })],
    peerDiscovery: options.mdns ? [discoverOnLan] : [],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND_AND_HOST,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
    },
    services: { identify: identify(), ping: ping() },
  });

  let inBytes = 0;
  let outBytes = 0;
  const traffic: TrafficCounter = {
    received: (bytes) => {
      inBytes += bytes;
    },
    sent: (bytes) => {
      outBytes += bytes;
    },
  };

  let running = false;
  const known = new Map<string, Known>();
  const kept = new Map<string, Kept>();
  const pools = new Map<string, Pool>();
  const listeners = new Set<(peers: readonly PeerInfo[]) => void>();

  function peers(): PeerInfo[] {
    return [...known].map(([peer, { addresses, connected, source }]) => ({
      peer,
      addresses: [...addresses],
      connected,
      source,
    }));
  }

  function changed(): void {
    const now = peers();
    for (const listener of listeners) listener(now);
  }

  function remember(peer: string, patch: Partial<Known>): void {
    const old = known.get(peer) ?? { addresses: [], connected: false, source: 'address' };
    known.set(peer, { ...old, ...patch });
    changed();
  }

  function forget(peer: string): void {
    kept.get(peer)?.timer?.cancel();
    kept.delete(peer);
    if (known.delete(peer)) changed();
  }

  function redial(peer: string, entry: Kept): void {
    if (!running || entry.timer) return;
    const delayMs = Math.min(REDIAL_MS_MAX, REDIAL_MS_MIN * 2 ** Math.min(entry.failures, 10));
    entry.timer = clock.after(delayMs, () => {
      entry.timer = null;
      void dialKept(peer, entry);
    });
  }

  async function dialKept(peer: string, entry: Kept): Promise<void> {
    if (!running || known.get(peer)?.connected) return;
    try {
      await node.dial(entry.target ?? peerIdFromString(peer));
      entry.failures = 0;
    } catch {
      entry.failures += 1;
      if (entry.target === null && entry.failures >= DIALS_MAX) forget(peer);
      else redial(peer, entry);
    }
  }

  function discovered({ id, multiaddrs }: FoundPeer): void {
    const peer = id.toString();
    if (!running || peer === key.peer || kept.has(peer)) return;
    const entry: Kept = { target: null, failures: 0, timer: null };
    kept.set(peer, entry);
    const addresses = multiaddrs.map((address) => address.toString());
    remember(peer, { source: 'mdns', ...(known.get(peer)?.connected ? {} : { addresses }) });
    void node.peerStore.merge(id, { multiaddrs }).then(() => dialKept(peer, entry));
  }

  node.addEventListener('peer:connect', ({ detail }) => {
    const addresses = node.getConnections(detail).map((connection) => connection.remoteAddr.toString());
    remember(detail.toString(), { connected: true, addresses });
  });
  node.addEventListener('peer:disconnect', ({ detail }) => {
    const peer = detail.toString();
    void pools.get(peer)?.destroy();
    pools.delete(peer);
    const entry = kept.get(peer);
    if (!entry) return forget(peer);
    remember(peer, { connected: false });
    redial(peer, entry);
  });
  function pool(peer: string): Pool {
    const existing = pools.get(peer);
    if (existing) return existing;
    // Host names are not case-sensitive and peer ids are, so the peer is not in the URL.
    const made = new Pool('http://peer.invalid', {
      connections: OUTBOUND_REQUESTS_MAX,
      pipelining: 1,
      keepAliveTimeout: SOCKET_IDLE_MS / 2,
      headersTimeout: ANSWER_HEADERS_MS_MAX,
      bodyTimeout: ANSWER_SILENCE_MS_MAX,
      connect: (_options, done) => {
        openStream(peer).then(
          (stream) => done(null, asSocket(new StreamSocket(stream, peer, traffic))),
          (error: Error) => done(error, null),
        );
      },
    });
    pools.set(peer, made);
    return made;
  }

  async function openStream(peer: string): Promise<Stream> {
    const connection: Connection = await node.dial(peerIdFromString(peer));
    return connection.newStream(HTTP_PROTOCOL, { maxOutboundStreams: OUTBOUND_REQUESTS_MAX + 8 });
  }

  async function connect(address: string): Promise<string> {
    let target: Multiaddr;
    try {
      target = multiaddr(address);
    } catch (cause) {
      throw new AppError('bad-request', 'That is not a multiaddr.', { cause });
    }
    try {
      const connection = await node.dial(target);
      const peer = connection.remotePeer.toString();
      kept.get(peer)?.timer?.cancel();
      kept.set(peer, { target, failures: 0, timer: null });
      return peer;
    } catch (cause) {
      throw new AppError('peer-unreachable', 'The peer could not be reached.', {
        cause,
        details: { address },
      });
    }
  }

  return {
    key,
    async start() {
      running = true;
      try {
        await node.start();
      } catch (cause) {
        running = false;
        await node.stop();
        throw listenError(cause, options.listen ?? LOOPBACK);
      }
    },
    async stop() {
      running = false;
      for (const entry of kept.values()) entry.timer?.cancel();
      await Promise.all([...pools.values()].map((each) => each.destroy()));
      pools.clear();
      await node.stop();
    },
    addresses: () => node.getMultiaddrs().map((address) => address.toString()),
    peers,
    onPeers(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connect,
    serve(server) {
      nameRequesters(server);
      void node.handle(
        HTTP_PROTOCOL,
        (stream, connection) => {
          const socket = new StreamSocket(stream, connection.remotePeer.toString(), traffic);
          socket.setTimeout(SOCKET_IDLE_MS);
          server.emit('connection', socket);
        },
        { maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX, force: true },
      );
    },
    async fetch(peer, path, init) {
      try {
        const dispatcher: Dispatcher = pool(peer);
        return await (undiciFetch as unknown as DispatchedFetch)(`http://peer.invalid${path}`, {
          ...init,
          redirect: 'manual',
          dispatcher,
        });
      } catch (cause) {
        if (isAppError(cause)) throw cause;
        if (init.signal?.aborted) throw new AppError('aborted', 'The request was ended by its caller.');
        throw new AppError('peer-unreachable', 'The peer could not be reached.', {
          cause,
          details: { peer },
        });
      }
    },
    traffic: () => ({ inBytes, outBytes }),
  };
}

/** undici's own types of `Request` and `Response` are not the global ones, though they behave the same. */
type DispatchedFetch = (
  url: string,
  init: Omit<RequestInit, 'dispatcher'> & { dispatcher: Dispatcher },
) => Promise<Response>;

/** Node and undici ask for a socket by type and use it as a duplex. */
function asSocket(socket: StreamSocket): import('node:net').Socket {
  return socket as unknown as import('node:net').Socket;
}

/** Says who asks, from the connection alone: what a client wrote into the header is taken away. */
function nameRequesters(server: Server): void {
  server.prependListener('request', (request: IncomingMessage) => {
    const raw: string[] = [];
    for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
      const name = request.rawHeaders[index] ?? '';
      if (name.toLowerCase() !== PEER_HEADER) raw.push(name, request.rawHeaders[index + 1] ?? '');
    }
    delete request.headers[PEER_HEADER];
    const socket: unknown = request.socket;
    if (socket instanceof StreamSocket) {
      raw.push(PEER_HEADER, socket.peer);
      request.headers[PEER_HEADER] = socket.peer;
      // A stream that brings nothing is closed; a whole request may be worked on in silence for long.
      request.once('end', () => socket.setTimeout(0));
    }
    request.rawHeaders.splice(0, request.rawHeaders.length, ...raw);
  });
}

function listenError(cause: unknown, listen: readonly string[]): AppError {
  const details = { listen: [...listen] };
  return `${cause} ${cause instanceof AggregateError ? cause.errors.join(' ') : ''}`.includes('EADDRINUSE')
    ? new AppError('port-in-use', 'The port for peers is taken by another program.', { cause, details })
    : new AppError('unsupported', 'This machine cannot listen for peers.', { cause, details });
}

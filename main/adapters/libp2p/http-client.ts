/** HTTP requests to peers: undici's connection pools over libp2p streams. */
import type { Connection, Libp2p, NewStreamOptions, PeerId, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Dispatcher, Pool, fetch as undiciFetch } from 'undici';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DirectWays } from './direct-ways.ts';
import { asSocket, HTTP_PROTOCOL, SOCKET_IDLE_MS } from './http-streams.ts';
import type { Liveness } from './liveness.ts';
import { isRelayed, ofPeer, relayOf } from './public-addresses.ts';
import { replacing } from './replacing.ts';
import { SilentPeers } from './silent-peers.ts';
import { StreamSocket, type TrafficCounter } from './stream-socket.ts';

/** Concurrent requests to one peer; more wait. */
const OUTBOUND_REQUESTS_MAX = 64;
/** A prompt may wait for a slot and be processed for minutes before the first byte of the response. */
const ANSWER_HEADERS_MS_MAX = 600_000;
const ANSWER_SILENCE_MS_MAX = 300_000;

interface HttpClientParts {
  readonly traffic: TrafficCounter;
  readonly liveness: Liveness;
  readonly clock: Clock;
  readonly directWays: DirectWays;
}

export class HttpClient {
  readonly #node: Libp2p;
  readonly #traffic: TrafficCounter;
  readonly #pools = new Map<string, Pool>();
  readonly #liveness: Liveness;
  readonly #silent: SilentPeers;
  readonly #directWays: DirectWays;

  constructor(node: Libp2p, { traffic, liveness, clock, directWays }: HttpClientParts) {
    this.#node = node;
    this.#traffic = traffic;
    this.#liveness = liveness;
    this.#silent = new SilentPeers(clock, (peer) => this.#testWays(peer));
    this.#directWays = directWays;
  }

  /** Fails with `aborted` or `peer-unreachable`. */
  async fetch(peer: string, path: string, init: RequestInit): Promise<Response> {
    try {
      await this.#leaveDoubtful(peer);
      void this.#findDirectWay(peer);
      const dispatcher: Dispatcher = this.#noting(peer);
      // Host names are not case-sensitive, but peer IDs are, so the peer is not in the URL.
      return await (undiciFetch as unknown as DispatchedFetch)(`http://peer.invalid${path}`, {
        ...init,
        redirect: 'manual',
        dispatcher,
      });
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      if (init.signal?.aborted) throw new AppError('aborted', 'The caller aborted the request.');
      throw new AppError('peer-unreachable', 'Could not reach the peer.', { cause, details: { peer } });
    }
  }

  /** Ends all requests to the peer. */
  close(peer: string): void {
    void this.#pools.get(peer)?.destroy();
    this.#pools.delete(peer);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
    this.#silent.stop();
  }

  #pool(peer: string): Pool {
    const existing = this.#pools.get(peer);
    if (existing) return existing;
    const made = new Pool('http://peer.invalid', {
      connections: OUTBOUND_REQUESTS_MAX,
      pipelining: 1,
      keepAliveTimeout: SOCKET_IDLE_MS / 2,
      headersTimeout: ANSWER_HEADERS_MS_MAX,
      bodyTimeout: ANSWER_SILENCE_MS_MAX,
      connect: (_options, done) => {
        this.#openStream(peer).then(
          (opened) => done(null, asSocket(this.#socketOf(opened, peer))),
          (error: Error) => done(error, null),
        );
      },
    });
    this.#pools.set(peer, made);
    return made;
  }

  #socketOf({ stream, relay }: OpenedStream, peer: string): StreamSocket {
    const socket = new StreamSocket(stream, peer, this.#traffic.stream(relay));
    socket.onBytes = () => this.#silent.heard(peer);
    return socket;
  }

  /** The peer's pool; its requests count as waiting until the end of their responses. */
  #noting(peer: string): Dispatcher {
    return this.#pool(peer).compose((dispatch) => (options, handler) => {
      const end = this.#silent.begin(peer);
      const noted = replacing(handler, 'onResponseEnd', (...given) => {
        end();
        handler.onResponseEnd?.(...given);
      });
      return dispatch(
        options,
        replacing(noted, 'onResponseError', (...given) => {
          end();
          handler.onResponseError?.(...given);
        }),
      );
    });
  }

  /** Tests the peer's connections, and those to the relays over which they lead. */
  #testWays(peer: string): void {
    for (const connection of this.#node.getConnections(peerIdFromString(peer))) {
      this.#liveness.test(connection);
      const relay = relayOf(connection.remoteAddr);
      if (relay === null) continue;
      for (const each of this.#node.getConnections(peerIdFromString(relay))) this.#liveness.test(each);
    }
  }

  /** Has new requests open new streams if an idle one may lead over a connection whose other end is silent. */
  async #leaveDoubtful(peer: string): Promise<void> {
    const connections = this.#node.getConnections(peerIdFromString(peer));
    const trusted = await Promise.all(connections.map((each) => this.#liveness.isTrusted(each)));
    if (trusted.every((each) => each)) return;
    this.#leave(peer);
  }

  /** Has new requests take a direct way as soon as there is one. */
  async #findDirectWay(peer: string): Promise<void> {
    if (await this.#directWays.find(peerIdFromString(peer))) this.#leave(peer);
  }

  /** Has new requests open new streams; running ones continue to their ends. */
  #leave(peer: string): void {
    void this.#pools.get(peer)?.close();
    this.#pools.delete(peer);
  }

  async #openStream(peer: string): Promise<OpenedStream> {
    const id = peerIdFromString(peer);
    const options = { maxOutboundStreams: OUTBOUND_REQUESTS_MAX + 8, runOnLimitedConnection: true };
    const doubtful: Connection[] = [];
    for (const open of inOrder(this.#node.getConnections(id))) {
      if (!(await this.#liveness.isTrusted(open))) {
        doubtful.push(open);
        continue;
      }
      try {
        return await openOn(open, options);
      } catch (cause) {
        // It may have ended without anybody noticing; another way may be open.
        if (open.status === 'open') throw cause;
      }
    }
    const connection = await this.#dial(id, doubtful);
    return openOn(connection, options);
  }

  /** Dials the peer by another way than those in doubt; where there is none, they have to do. */
  async #dial(id: PeerId, doubtful: readonly Connection[]): Promise<Connection> {
    const [first] = doubtful;
    if (first === undefined) return this.#node.dial(id);
    const avoided = new Set(doubtful.map(({ remoteAddr }) => relayOf(remoteAddr)));
    const { addresses } = await this.#node.peerStore.get(id);
    const others = addresses
      .map(({ multiaddr }) => ofPeer(multiaddr, id.toString()))
      .filter((address) => !isRelayed(address) || !avoided.has(relayOf(address)));
    if (others.length === 0) return first;
    try {
      return await this.#node.dial(others, { force: true });
    } catch (cause) {
      if (first.status === 'open') return first;
      throw cause;
    }
  }
}

interface OpenedStream {
  readonly stream: Stream;
  /** The relay over which it leads, a peer ID; null if it leads over none. */
  readonly relay: string | null;
}

async function openOn(connection: Connection, options: NewStreamOptions): Promise<OpenedStream> {
  const stream = await connection.newStream(HTTP_PROTOCOL, options);
  return { stream, relay: relayOf(connection.remoteAddr) };
}

/**
 * Returns the open connections, the best first: a direct one before a relayed one. libp2p itself dials again where it has
 * only connections with limits.
 */
function inOrder(connections: readonly Connection[]): readonly Connection[] {
  const rank = ({ limits, remoteAddr }: Connection) =>
    (limits === undefined ? 0 : 2) + (isRelayed(remoteAddr) ? 1 : 0);
  return connections
    .filter(({ status }) => status === 'open')
    .sort((left, right) => rank(left) - rank(right));
}

/** undici's types of `Request` and `Response` are not the global ones, though they behave the same. */
type DispatchedFetch = (
  url: string,
  init: Omit<RequestInit, 'dispatcher'> & { dispatcher: Dispatcher },
) => Promise<Response>;

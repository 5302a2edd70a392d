/** HTTP requests to peers: undici's connection pools over libp2p streams. */
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Dispatcher, Pool, fetch as undiciFetch } from 'undici';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { asSocket, HTTP_PROTOCOL, SOCKET_IDLE_MS } from './http-streams.ts';
import { isRelayed } from './public-addresses.ts';
import { StreamSocket, type TrafficCounter } from './stream-socket.ts';

/** Concurrent requests to one peer; more wait. */
const OUTBOUND_REQUESTS_MAX = 64;
/** A prompt may wait for a slot and be processed for minutes before the first byte of the response. */
const ANSWER_HEADERS_MS_MAX = 600_000;
const ANSWER_SILENCE_MS_MAX = 300_000;

export class HttpClient {
  readonly #node: Libp2p;
  readonly #traffic: TrafficCounter;
  readonly #pools = new Map<string, Pool>();

  constructor(node: Libp2p, traffic: TrafficCounter) {
    this.#node = node;
    this.#traffic = traffic;
  }

  /** Fails with `aborted` or `peer-unreachable`. */
  async fetch(peer: string, path: string, init: RequestInit): Promise<Response> {
    try {
      const dispatcher: Dispatcher = this.#pool(peer);
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
          (stream) => done(null, asSocket(new StreamSocket(stream, peer, this.#traffic))),
          (error: Error) => done(error, null),
        );
      },
    });
    this.#pools.set(peer, made);
    return made;
  }

  async #openStream(peer: string): Promise<Stream> {
    const id = peerIdFromString(peer);
    const options = { maxOutboundStreams: OUTBOUND_REQUESTS_MAX + 8, runOnLimitedConnection: true };
    const open = best(this.#node.getConnections(id));
    if (open !== undefined) {
      try {
        return await open.newStream(HTTP_PROTOCOL, options);
      } catch (cause) {
        // It may have ended without anybody noticing; another way may be open.
        if (open.status === 'open') throw cause;
      }
    }
    const connection = await this.#node.dial(id);
    return connection.newStream(HTTP_PROTOCOL, options);
  }
}

/**
 * Returns the best open connection: a direct one before a relayed one. libp2p itself dials again where it has only
 * connections with limits.
 */
function best(connections: readonly Connection[]): Connection | undefined {
  const rank = ({ limits, remoteAddr }: Connection) =>
    (limits === undefined ? 0 : 2) + (isRelayed(remoteAddr) ? 1 : 0);
  return connections
    .filter(({ status }) => status === 'open')
    .sort((left, right) => rank(left) - rank(right))[0];
}

/** undici's types of `Request` and `Response` are not the global ones, though they behave the same. */
type DispatchedFetch = (
  url: string,
  init: Omit<RequestInit, 'dispatcher'> & { dispatcher: Dispatcher },
) => Promise<Response>;

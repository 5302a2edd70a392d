/** Networks in memory: the same HTTP over pipes instead of libp2p. The contract suite runs on both. */
import { type IncomingMessage, request, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair, Readable } from 'node:stream';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey } from '../../main/adapters/libp2p/index.ts';
import type { Network, PeerInfo, PeerKey } from '../../main/ports/network.ts';
import { AppError } from '../../shared/errors.ts';

export interface FakeHub {
  createNetwork(): Promise<Network>;
}

/** Peers of one hub reach each other by `/memory/<peer>`. */
export function createFakeHub(): FakeHub {
  const nodes = new Map<string, FakeNetwork>();
  return {
    async createNetwork() {
      const network = new FakeNetwork(nodes, await createPeerKey(await generateKeyPair('Ed25519')));
      nodes.set(network.key.peer, network);
      return network.asPort();
    },
  };
}

interface Pipe {
  readonly ours: Duplex;
  readonly theirs: Duplex;
  close(): void;
}

class FakeNetwork {
  readonly key: PeerKey;
  readonly #nodes: ReadonlyMap<string, FakeNetwork>;
  readonly #known = new Map<string, PeerInfo>();
  readonly #pipes = new Set<() => void>();
  readonly #listeners = new Set<(peers: readonly PeerInfo[]) => void>();
  #server: Server | null = null;
  running = false;
  #inBytes = 0;
  #outBytes = 0;

  constructor(nodes: ReadonlyMap<string, FakeNetwork>, key: PeerKey) {
    this.#nodes = nodes;
    this.key = key;
  }

  /** The methods as a plain object, which tests can spread. */
  asPort(): Network {
    return {
      key: this.key,
      market: null,
      start: async () => {
        this.running = true;
      },
      stop: async () => this.#stop(),
      addresses: () => [`/memory/${this.key.peer}`],
      isReachedFromOutside: () => false,
      peers: () => [...this.#known.values()],
      onPeers: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      connect: async (address) => this.#connect(address),
      serve: (server) => {
        this.#server = server;
      },
      // Connections in memory are never scarce.
      prefer: () => undefined,
      fetch: async (peer, path, init) => this.#fetch(peer, path, init),
      traffic: () => ({ inBytes: this.#inBytes, outBytes: this.#outBytes }),
    };
  }

  /** Removes a peer that stopped. */
  lose(peer: string): void {
    this.#known.delete(peer);
    this.#changed();
  }

  #stop(): void {
    this.running = false;
    for (const close of this.#pipes) close();
    for (const peer of this.#known.keys()) {
      this.#nodes.get(peer)?.lose(this.key.peer);
    }
    this.#known.clear();
  }

  #connect(address: string): string {
    const peer = /^\/memory\/(\w+)$/.exec(address)?.[1];
    if (!peer) throw new AppError('bad-request', 'Invalid address.');
    const other = this.#reach(peer);
    this.#add(other);
    other.#add(this);
    return peer;
  }

  #add({ key: { peer } }: FakeNetwork): void {
    this.#known.set(peer, { peer, addresses: [`/memory/${peer}`], connected: true, source: 'address' });
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener([...this.#known.values()]);
  }

  #reach(peer: string): FakeNetwork {
    const other = this.#nodes.get(peer);
    if (other?.running && this.running) return other;
    throw new AppError('peer-unreachable', 'Could not reach the peer.', { details: { peer } });
  }

  #fetch(peer: string, path: string, init: RequestInit): Promise<Response> {
    if (init.signal?.aborted) throw new AppError('aborted', 'The caller aborted the request.');
    const other = this.#reach(this.#known.has(peer) ? peer : '');
    const pipe = this.#openPipe(other, init.signal ?? null);
    return new Promise((resolve, reject) => {
      const sent = request({
        createConnection: () => pipe.ours as unknown as Socket,
        method: init.method ?? 'GET',
        path,
        headers: {
          ...Object.fromEntries(new Headers(init.headers)),
          'x-peer-id': this.key.peer,
          'x-peer-subnet': '127.0.0',
        },
      });
      sent.on('error', (cause) =>
        reject(
          init.signal?.aborted
            ? new AppError('aborted', 'The caller aborted the request.')
            : new AppError('peer-unreachable', 'Could not reach the peer.', { cause }),
        ),
      );
      sent.on('response', (incoming) => resolve(responseOf(incoming)));
      if (other.#server) other.#server.emit('connection', pipe.theirs);
      else pipe.close();
      const body = typeof init.body === 'string' ? init.body : '';
      this.#outBytes += body.length;
      sent.end(body);
    });
  }

  /** A pipe to the other network; both ends close together, and when either network stops. */
  #openPipe(other: FakeNetwork, signal: AbortSignal | null): Pipe {
    const [ours, theirs] = duplexPair();
    const close = () => {
      ours.destroy();
      theirs.destroy();
    };
    for (const network of [this, other]) network.#pipes.add(close);
    ours.on('data', (chunk: Buffer) => {
      this.#inBytes += chunk.length;
    });
    for (const end of [ours, theirs]) end.on('error', () => {}).on('close', close);
    signal?.addEventListener('abort', close, { once: true });
    return { ours, theirs, close };
  }
}

function responseOf(incoming: IncomingMessage): Response {
  const status = incoming.statusCode ?? 0;
  // A response without content may not have even an empty stream.
  const body = status === 204 ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
  if (body === null) incoming.resume();
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  return new Response(body, { status, headers });
}

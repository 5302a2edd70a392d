/** Networks in memory: the same HTTP, over pipes instead of libp2p; the contract suite runs on both. */
import { type IncomingMessage, request, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { duplexPair, Readable } from 'node:stream';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey } from '../../main/adapters/libp2p/index.ts';
import type { Network, PeerInfo, PeerKey } from '../../main/ports/network.ts';
import { AppError } from '../../shared/errors.ts';

interface Node {
  readonly key: PeerKey;
  server: Server | null;
  running: boolean;
  readonly known: Map<string, PeerInfo>;
  readonly pipes: Set<() => void>;
  changed(): void;
}

export interface FakeHub {
  createNetwork(): Promise<Network>;
}

/** Peers of one hub reach each other by `/memory/<peer>`. */
export function createFakeHub(): FakeHub {
  const nodes = new Map<string, Node>();

  function link(from: Node, to: Node): void {
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      const peer = b.key.peer;
      a.known.set(peer, { peer, addresses: [`/memory/${peer}`], connected: true, source: 'address' });
      a.changed();
    }
  }

  return {
    async createNetwork() {
      const key = await createPeerKey(await generateKeyPair('Ed25519'));
      const listeners = new Set<(peers: readonly PeerInfo[]) => void>();
      let inBytes = 0;
      let outBytes = 0;
      const node: Node = {
        key,
        server: null,
        running: false,
        known: new Map(),
        pipes: new Set(),
        changed: () => {
          for (const listener of listeners) listener([...node.known.values()]);
        },
      };
      nodes.set(key.peer, node);

      function reach(peer: string): Node {
        const other = nodes.get(peer);
        if (other?.running && node.running) return other;
        throw new AppError('peer-unreachable', 'The peer could not be reached.', { details: { peer } });
      }

      return {
        key,
        async start() {
          node.running = true;
        },
        async stop() {
          node.running = false;
          for (const close of node.pipes) close();
          for (const peer of node.known.keys()) {
            nodes.get(peer)?.known.delete(key.peer);
            nodes.get(peer)?.changed();
          }
          node.known.clear();
        },
        addresses: () => [`/memory/${key.peer}`],
        peers: () => [...node.known.values()],
        onPeers(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        async connect(address) {
          const peer = /^\/memory\/(\w+)$/.exec(address)?.[1];
          if (!peer) throw new AppError('bad-request', 'That is not an address.');
          link(node, reach(peer));
          return peer;
        },
        serve(server) {
          node.server = server;
        },
        fetch(peer, path, init) {
          return new Promise<Response>((resolve, reject) => {
            if (init.signal?.aborted) throw new AppError('aborted', 'The request was ended by its caller.');
            const other = reach(node.known.has(peer) ? peer : '');
            const [ours, theirs] = duplexPair();
            const close = () => {
              ours.destroy();
              theirs.destroy();
            };
            for (const side of [node, other]) side.pipes.add(close);
            ours.on('data', (chunk: Buffer) => {
              inBytes += chunk.length;
            });
            ours.on('error', () => {});
            theirs.on('error', () => {});
            init.signal?.addEventListener('abort', close, { once: true });
            const headers = { ...Object.fromEntries(new Headers(init.headers)), 'x-peer-id': key.peer };
            const sent = request({
              createConnection: () => ours as unknown as Socket,
              method: init.method ?? 'GET',
              path,
              headers,
            });
            sent.on('error', (cause) =>
              reject(
                init.signal?.aborted
                  ? new AppError('aborted', 'The request was ended by its caller.')
                  : new AppError('peer-unreachable', 'The peer could not be reached.', { cause }),
              ),
            );
            sent.on('response', (incoming: IncomingMessage) => {
              const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
              const told = new Headers();
              for (const [name, value] of Object.entries(incoming.headers)) told.set(name, String(value));
              resolve(new Response(body, { status: incoming.statusCode ?? 0, headers: told }));
            });
            theirs.on('close', () => ours.destroy());
            ours.on('close', () => theirs.destroy());
            if (other.server) other.server.emit('connection', theirs);
            else close();
            const body = typeof init.body === 'string' ? init.body : '';
            outBytes += body.length;
            sent.end(body);
          });
        },
        traffic: () => ({ inBytes, outBytes }),
      };
    },
  };
}

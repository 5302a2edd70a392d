/**
 * The inbound HTTP streams: counted for each peer and in total, and with a deadline for each step that a stranger could
 * otherwise draw out for ever. Node's own deadlines need a listening server, which these streams don't have.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { StreamSocket } from './stream-socket.ts';

/** Concurrent streams of one peer, over all its connections; our own client opens at most 72. */
export const STREAMS_PER_PEER_MAX = 80;
/** Concurrent streams of all peers. Each holds at most a window of 512 KiB. */
export const STREAMS_MAX = 512;
/** From the opening of a stream, or the first byte of a further request, to the end of the headers. */
export const HEADERS_MS_MAX = 10_000;
/** From the end of the headers to the end of the body. */
export const BODY_MS_MAX = 30_000;
/** Between two requests on one stream. */
export const IDLE_MS_MAX = 60_000;
/** From the end of this side to the end of the other. */
export const END_MS_MAX = 5_000;

interface Served {
  readonly socket: StreamSocket;
  /** True between two requests, and after the last one. */
  idle: boolean;
  timer: Timer | null;
}

export interface ServedStreams {
  /** Returns false, and leaves the stream alone, if the peer or the machine has too many. */
  add(socket: StreamSocket): boolean;
}

/** Sets the deadlines of all requests that this server gets over streams. */
export function createServedStreams(server: Server, clock: Clock, log: Log | null): ServedStreams {
  const served = new Map<StreamSocket, Served>();
  const perPeer = new Map<string, number>();

  function expect(entry: Served, step: string, withinMs: number): void {
    entry.timer?.cancel();
    entry.timer = clock.after(withinMs, () => {
      log?.debug('A stream was closed because it was too slow', { peer: entry.socket.peer, step });
      entry.socket.reset(new Error(`too slow: ${step}`));
    });
  }

  function remove(socket: StreamSocket): void {
    const entry = served.get(socket);
    if (!served.delete(socket)) return;
    entry?.timer?.cancel();
    const left = (perPeer.get(socket.peer) ?? 1) - 1;
    if (left === 0) perPeer.delete(socket.peer);
    else perPeer.set(socket.peer, left);
  }

  /** Closes an idle stream of the peer that has most of them; false if there is none. */
  function makeRoom(): boolean {
    const idle = [...served.values()].filter((entry) => entry.idle);
    const [victim] = idle.sort((a, b) => count(b) - count(a));
    if (victim === undefined) return false;
    remove(victim.socket);
    victim.socket.reset(new Error('this machine needs the place of an idle stream'));
    return true;
  }
  const count = ({ socket }: Served): number => perPeer.get(socket.peer) ?? 0;

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const entry = served.get(request.socket as unknown as StreamSocket);
    if (entry === undefined) return;
    entry.idle = false;
    entry.timer?.cancel();
    let isReceived = !hasBody(request);
    let isAnswered = false;
    const restIfDone = () => {
      if (!isReceived || !isAnswered || entry.socket.destroyed) return;
      entry.idle = true;
      expect(entry, 'idle', IDLE_MS_MAX);
    };
    if (!isReceived) expect(entry, 'body', BODY_MS_MAX);
    request.once('end', () => {
      // The work on a complete request may be silent for long.
      if (!isReceived) entry.timer?.cancel();
      isReceived = true;
      if (!entry.idle) restIfDone();
    });
    response.once('close', () => {
      isAnswered = response.writableFinished;
      restIfDone();
    });
  });

  return {
    add(socket) {
      const own = perPeer.get(socket.peer) ?? 0;
      if (own >= STREAMS_PER_PEER_MAX) return false;
      if (served.size >= STREAMS_MAX && !makeRoom()) return false;
      const entry: Served = { socket, idle: false, timer: null };
      served.set(socket, entry);
      perPeer.set(socket.peer, own + 1);
      // A peer that got its response may leave its own side open.
      socket.once('close', () => {
        if (!served.has(socket)) return;
        socket.onBytes = null;
        entry.idle = true;
        expect(entry, 'end', END_MS_MAX);
      });
      void socket.over.then(() => remove(socket));
      socket.onBytes = () => {
        if (!entry.idle) return;
        entry.idle = false;
        expect(entry, 'headers', HEADERS_MS_MAX);
      };
      expect(entry, 'headers', HEADERS_MS_MAX);
      return true;
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

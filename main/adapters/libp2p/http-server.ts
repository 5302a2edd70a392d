/** Serves HTTP requests from libp2p streams, each with the verified peer ID of its requester. */
import type { IncomingMessage, Server } from 'node:http';
import type { Libp2p } from '@libp2p/interface';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { asSocket, HTTP_PROTOCOL } from './http-streams.ts';
import { HTTP_STREAMS_PER_CONNECTION_MAX } from './node.ts';
import { createServedStreams } from './served-streams.ts';
import { StreamSocket, type TrafficCounter } from './stream-socket.ts';

const PEER_HEADER = 'x-peer-id';

export interface ServeOptions {
  readonly traffic: TrafficCounter;
  readonly clock: Clock;
  readonly log: Log | null;
}

export function serveStreams(node: Libp2p, server: Server, { traffic, clock, log }: ServeOptions): void {
  setPeerHeader(server);
  const served = createServedStreams(server, clock, log);
  void node.handle(
    HTTP_PROTOCOL,
    (stream, connection) => {
      const socket = new StreamSocket(stream, connection.remotePeer.toString(), traffic);
      if (served.add(socket)) {
        server.emit('connection', asSocket(socket));
        return;
      }
      log?.debug('A stream was refused', { peer: socket.peer });
      socket.on('error', () => {});
      socket.destroy(new Error('too many streams'));
    },
    { maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX, force: true },
  );
}

/** Sets the header from the connection alone: a value that the client sent is removed. */
function setPeerHeader(server: Server): void {
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
    }
    request.rawHeaders.splice(0, request.rawHeaders.length, ...raw);
  });
}

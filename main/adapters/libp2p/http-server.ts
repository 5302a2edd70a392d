/** Serves HTTP requests from libp2p streams, each with the verified peer ID of its requester. */
import type { IncomingMessage, Server } from 'node:http';
import type { Libp2p } from '@libp2p/interface';
import { subnetOf } from '../../../shared/subnet.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { hostOf } from './connection-limits.ts';
import { asSocket, HTTP_PROTOCOL } from './http-streams.ts';
import { HTTP_STREAMS_PER_CONNECTION_MAX } from './node.ts';
import { relayOf } from './public-addresses.ts';
import { createServedStreams } from './served-streams.ts';
import { StreamSocket, type TrafficCounter } from './stream-socket.ts';

const PEER_HEADER = 'x-peer-id';
/** Absent where the peer's address isn't known. */
const SUBNET_HEADER = 'x-peer-subnet';
const HOST = 'libp2p';

export interface ServeOptions {
  readonly traffic: TrafficCounter;
  readonly clock: Clock;
  readonly log: Log | null;
}

export function serveStreams(node: Libp2p, server: Server, { traffic, clock, log }: ServeOptions): void {
  const subnets = new WeakMap<StreamSocket, string>();
  setHeaders(server, subnets);
  const served = createServedStreams(server, clock, log);
  void node.handle(
    HTTP_PROTOCOL,
    (stream, connection) => {
      const counter = traffic.stream(relayOf(connection.remoteAddr));
      const socket = new StreamSocket(stream, connection.remotePeer.toString(), counter);
      const host = hostOf(connection.remoteAddr.toString());
      if (host !== null) subnets.set(socket, subnetOf(host));
      if (served.add(socket)) {
        server.emit('connection', asSocket(socket));
        return;
      }
      log?.debug('A stream was refused', { peer: socket.peer });
      socket.on('error', () => {});
      socket.destroy(new Error('too many streams'));
    },
    { maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX, runOnLimitedConnection: true, force: true },
  );
}

/**
 * Sets the peer's headers from the connection alone: values that the client sent are removed. A stream has no host name,
 * which go-libp2p's client leaves empty; a web-standard request needs one.
 */
function setHeaders(server: Server, subnets: WeakMap<StreamSocket, string>): void {
  server.prependListener('request', (request: IncomingMessage) => {
    const socket: unknown = request.socket;
    const ours = socket instanceof StreamSocket ? headersOf(socket, subnets.get(socket)) : {};
    const raw: string[] = [];
    for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
      const name = request.rawHeaders[index] ?? '';
      if ([PEER_HEADER, SUBNET_HEADER].includes(name.toLowerCase()) || name.toLowerCase() in ours) continue;
      raw.push(name, request.rawHeaders[index + 1] ?? '');
    }
    delete request.headers[PEER_HEADER];
    delete request.headers[SUBNET_HEADER];
    Object.assign(request.headers, ours);
    request.rawHeaders.splice(0, request.rawHeaders.length, ...raw, ...Object.entries(ours).flat());
  });
}

function headersOf({ peer }: StreamSocket, subnet: string | undefined): Record<string, string> {
  return { [PEER_HEADER]: peer, ...(subnet !== undefined && { [SUBNET_HEADER]: subnet }), host: HOST };
}

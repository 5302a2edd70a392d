/** The HTTP protocol on libp2p streams: its name, its idle limit and its sockets. */
import type { Socket } from 'node:net';
import type { StreamSocket } from './stream-socket.ts';

export const HTTP_PROTOCOL = '/http/1.1';
export const SOCKET_IDLE_MS = 60_000;

/** Casts for Node and undici, whose types require a socket though they use it as a duplex. */
export function asSocket(socket: StreamSocket): Socket {
  return socket as unknown as Socket;
}

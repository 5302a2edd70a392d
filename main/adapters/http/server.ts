/** Runs web-standard handlers as Node HTTP servers, for loopback ports and for libp2p streams. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { AppError } from '../../../shared/errors.ts';

/** The part of a Hono app that a server needs. */
export interface WebHandler {
  fetch(request: Request, environment: unknown): Response | Promise<Response>;
}

/** Longer than our own client keeps idle connections, so that it never writes to one that was just closed. */
const KEEP_ALIVE_MS = 60_000;
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 60_000;
const HEADERS_COUNT_MAX = 64;

/** Creates a server that doesn't listen yet. A requester that disconnects aborts `request.signal`. */
export function createHttpServer(handler: WebHandler): Server {
  const listener = getRequestListener((request, environment) => handler.fetch(request, environment), {
    // The global Request and Response belong to the whole process.
    overrideGlobalObjects: false,
  });
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      maxHeaderSize: 64 * 1024,
      noDelay: true,
    },
    (request, response) => void listener(request, response),
  );
  server.maxHeadersCount = HEADERS_COUNT_MAX;
  return server;
}

/** Listens (port 0: any free one) and returns the port. Fails with `port-in-use`; its message names `option`. */
export function listenHttp(
  server: Server,
  options: { host: string; port: number; option?: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE' || cause.code === 'EACCES'
          ? new AppError('port-in-use', unusable(options, cause.code), {
              cause,
              details: { port: options.port, host: options.host },
            })
          : cause,
      );
    server.once('error', failed);
    server.listen({ host: options.host, port: options.port, exclusive: true }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function unusable({ port, option }: { port: number; option?: string }, code: string): string {
  const why = code === 'EACCES' ? 'can’t be opened by this user' : 'is in use by another program';
  return `Port ${port} ${why}.${option === undefined ? '' : ` Choose another port with ${option}.`}`;
}

/** Stops listening and ends every connection, including streams. */
export function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

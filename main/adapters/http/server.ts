/** Runs web-standard handlers as Node HTTP servers, for loopback ports and for libp2p streams. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
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

export const SERVER_OPTIONS: ServerOptions = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_MS_MAX,
  requestTimeout: REQUEST_MS_MAX,
  maxHeaderSize: 64 * 1024,
  noDelay: true,
};

/** Creates a server that doesn't listen yet. A requester that disconnects aborts `request.signal`. */
export function createHttpServer(handler: WebHandler): Server {
  const listener = requestListener((request, environment) => handler.fetch(request, environment));
  return prepared(createServer(SERVER_OPTIONS, listener));
}

/** Returns the listener of a server whose requests this function answers. */
export function requestListener(
  fetch: (request: Request, environment: HttpBindings) => Response | Promise<Response>,
): RequestListener {
  const listener = getRequestListener((request, environment) => fetch(request, environment as HttpBindings), {
    // The global Request and Response belong to the whole process.
    overrideGlobalObjects: false,
  });
  return (request, response) => void listener(request, response);
}

/** Applies to a server what its options can't. */
export function prepared<Kind extends Server>(server: Kind): Kind {
  server.maxHeadersCount = HEADERS_COUNT_MAX;
  // Clients of go-libp2p close their side after the request and wait for the answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.prependListener('request', probeHalfClosed);
  return server;
}

/** The reset that the first probe provokes is found by the second. */
const FIRST_PROBE_MS = 10;
/** Interval of the probes that tell a client that has left from one that only closed its side. */
const PROBE_INTERVAL_MS = 500;

/** A comment that an event stream may hold at any place; clients ignore it. */
const EVENT_COMMENT = ':\n\n';

/**
 * A client that leaves and one that half-closes look the same until something is written, to which the system of a
 * client that has left answers with a reset: before the answer an interim response (102), in an event stream a comment.
 * A stream of libp2p tells the two apart itself, and go-libp2p's client takes an interim response for the answer.
 */
function probeHalfClosed(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  if (!(socket instanceof Socket)) return;
  let timer: NodeJS.Timeout | undefined;
  let delayMs = FIRST_PROBE_MS;
  const isEventStream = watchHead(response);
  const probe = () => {
    if (response.destroyed || response.writableEnded) return;
    if (!response.headersSent) response.writeProcessing();
    else if (isEventStream()) response.write(EVENT_COMMENT);
  };
  const repeat = () => {
    probe();
    timer = setTimeout(repeat, delayMs).unref();
    delayMs = PROBE_INTERVAL_MS;
  };
  if (socket.readableEnded) repeat();
  else socket.once('end', repeat);
  response.once('close', () => {
    clearTimeout(timer);
    socket.off('end', repeat);
  });
}

/** Returns a function that returns true if the response is an event stream; its own headers don't show that. */
function watchHead(response: ServerResponse): () => boolean {
  let isEventStream = false;
  const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse;
  response.writeHead = (...given: unknown[]) => {
    isEventStream = JSON.stringify(given).includes('text/event-stream');
    return writeHead(...given);
  };
  return () => isEventStream;
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

/**
 * Serves the built pages to a browser on this machine, and the API to them over a WebSocket. Reachable on loopback
 * only; the WebSocket requires a token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError } from '../../shared/errors.ts';
import type { PortRole } from '../../shared/host.ts';
import { isDeepJson } from '../../shared/json.ts';
import { isLoopbackHost } from '../../shared/loopback.ts';
import { pagePolicy } from '../../shared/page-policy.ts';
import { withProgramWords } from '../../shared/program.ts';
import {
  API_SOCKET_PATH,
  CLOSE_TOKEN_REFUSED,
  PAIR_PATH,
  SUBPROTOCOL,
  TOKEN_PREFIX,
} from '../../shared/wire.ts';
import type { Pairing } from '../core/pairing/index.ts';
import { PROGRAM } from '../ports/program.ts';
import { acceptPaired, isSameOrigin, servePairing } from './paired-access.ts';

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface PageServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly token: string;
  /** For the owner's terminal, which may do what the desktop shell may; pages never receive it. */
  readonly terminalToken: string;
  /** Paired browsers, which have neither token. */
  readonly pairing: Pick<Pairing, 'pair' | 'check' | 'onRevoked'>;
  /** Folder of the built pages. */
  readonly folder: string;
  readonly onConnection: (socket: WebSocket, role: PortRole) => void;
}

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

const MESSAGE_BYTES_MAX = 1 << 20;
/** RFC 6455: the message violates the endpoint's policy. */
const CLOSE_POLICY = 1008;

/** Fails with `port-in-use`. */
export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const server = createServer((request, response) => {
    setHeaders(request, response);
    if (request.url === PAIR_PATH && request.method === 'POST') {
      return void servePairing(options.pairing, request, response);
    }
    return void serveFile(options.folder, request, response);
  });
  const sockets = serveSockets(server, options);
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

function serveSockets(server: Server, options: PageServerOptions): WebSocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  server.on('upgrade', (request, socket, head) => {
    // Any web page may break off here, and without a listener that would end the process.
    socket.on('error', () => socket.destroy());
    if (request.url !== API_SOCKET_PATH || !isLoopbackHost(request.headers.host) || !isSameOrigin(request)) {
      // A client that keeps its side open would hold the connection, and the server's end, for ever.
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n', () => socket.destroy());
      return;
    }
    const token = tokenOf(request);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // An invalid frame; the socket closes itself.
      webSocket.on('error', () => undefined);
      refuseDeepMessages(webSocket);
      // A page can't read the status of a rejected handshake, only the code with which an open socket was closed.
      if (equal(token, options.token)) options.onConnection(webSocket, 'page');
      else if (equal(token, options.terminalToken)) options.onConnection(webSocket, 'shell');
      else if (acceptPaired(request, webSocket, options.pairing)) options.onConnection(webSocket, 'page');
      else webSocket.close(CLOSE_TOKEN_REFUSED, 'token refused');
    });
  });
  return sockets;
}

/** Closes the connection at a deeply nested message, before any handler of messages sees it. */
function refuseDeepMessages(socket: WebSocket): void {
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...parameters: unknown[]) => {
    // Binary messages carry JSON as well; brackets are the same in every encoding of it.
    if (
      event === 'message' &&
      Buffer.isBuffer(parameters[0]) &&
      isDeepJson(parameters[0].toString('latin1'))
    ) {
      socket.close(CLOSE_POLICY, 'the message nests too deeply');
      return false;
    }
    return emit(event, ...parameters);
  };
}

function tokenOf(request: IncomingMessage): string {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length) ?? '';
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cause.code === 'EADDRINUSE' || cause.code === 'EACCES' ? unusable(port, cause) : cause),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
}

function unusable(port: number, cause: NodeJS.ErrnoException): AppError {
  const why = cause.code === 'EACCES' ? 'can’t be opened by this user' : 'is in use by another program';
  return new AppError('port-in-use', `Port ${port} ${why}. Choose another port with --port.`, {
    cause,
    details: { port },
  });
}

function setHeaders(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('X-Frame-Options', 'DENY');
  const { host } = request.headers;
  const isLoopback = isLoopbackHost(host);
  response.setHeader('Content-Security-Policy', pagePolicy(isLoopback ? ["'self'", `ws://${host}`] : []));
}

async function serveFile(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isLoopbackHost(request.headers.host)) {
    return respond(response, 403, 'Host not allowed. Use 127.0.0.1, localhost or [::1].');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return respond(response, 405, 'Method not allowed. Use GET or HEAD.');
  }
  const path = decodePath(request.url ?? '/');
  const type = path === null ? undefined : CONTENT_TYPES[extname(path)];
  if (path === null || type === undefined) return respond(response, 404, 'Not found.');
  const file = normalize(join(folder, path));
  if (!file.startsWith(folder + sep)) return respond(response, 404, 'Not found.');
  try {
    const content = await readFile(file);
    const body = path === '/index.html' ? withProgramWords(content.toString(), PROGRAM) : content;
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch {
    respond(
      response,
      404,
      path === '/index.html' ? 'The pages are not built. Run `npm run build`.' : 'Not found.',
    );
  }
}

function decodePath(url: string): string | null {
  try {
    const path = decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname);
    return path === '/' ? '/index.html' : path;
  } catch {
    return null;
  }
}

function respond(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

function equal(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

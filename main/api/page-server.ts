/**
 * Serves the pages to a browser on this machine and carries the API to them: loopback only, static files
 * of the built renderer only, and a WebSocket that opens for whoever knows the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError } from '../../shared/errors.ts';
import type { PortRole } from '../../shared/host.ts';
import { API_SOCKET_PATH, CLOSE_TOKEN_REFUSED, SUBPROTOCOL, TOKEN_PREFIX } from '../../shared/wire.ts';

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
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

export async function startPageServer(options: {
  /** 0 takes any free port. */
  port: number;
  token: string;
  /** Known only to the owner's terminal, which may do what the desktop shell may. */
  terminalToken: string;
  /** Folder of the built pages. */
  folder: string;
  onConnection: (socket: WebSocket, role: PortRole) => void;
}): Promise<PageServer> {
  const server = createServer((request, response) => void serveFile(options.folder, request, response));
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 1 << 20,
    handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  server.on('upgrade', (request, socket, head) => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const token = offered.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length) ?? '';
    if (request.url !== API_SOCKET_PATH || !fromThisMachine(request) || !sameOrigin(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // A page cannot read the status of a refused handshake, only how an open socket was closed.
      if (equal(token, options.token)) options.onConnection(webSocket, 'page');
      else if (equal(token, options.terminalToken)) options.onConnection(webSocket, 'shell');
      else webSocket.close(CLOSE_TOKEN_REFUSED, 'token refused');
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE' || cause.code === 'EACCES'
          ? new AppError(
              'port-in-use',
              `Port ${options.port} ${cause.code === 'EACCES' ? 'can’t be opened by this user' : 'is in use by another program'}. Choose another port with --port.`,
              { cause, details: { port: options.port } },
            )
          : cause,
      ),
    );
    server.listen(options.port, '127.0.0.1', resolve);
  });
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

async function serveFile(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('X-Frame-Options', 'DENY');
  if (!fromThisMachine(request)) return answer(response, 403, 'This page is for this machine only.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'Only GET.');
  const path = decodePath(request.url ?? '/');
  const type = path === null ? undefined : CONTENT_TYPES[extname(path)];
  if (path === null || type === undefined) return answer(response, 404, 'Not found.');
  const file = normalize(join(folder, path));
  if (!file.startsWith(folder + sep)) return answer(response, 404, 'Not found.');
  try {
    const body = await readFile(file);
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch {
    answer(
      response,
      404,
      path === '/index.html' ? 'The pages are not built; run npm run build.' : 'Not found.',
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

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

/** A name that resolves to loopback but is not loopback's (DNS rebinding) is refused. */
function fromThisMachine(request: IncomingMessage): boolean {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return host === '127.0.0.1' || host === 'localhost' || host === '[::1]';
}

function sameOrigin(request: IncomingMessage): boolean {
  return request.headers.origin === `http://${request.headers.host}`;
}

function equal(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

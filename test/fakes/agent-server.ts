/** HTTP and WebSocket server of the fake agent, on loopback, with connections that a test can cut. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { RPCHandler } from '@orpc/server/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { API_SOCKET_PATH, CLOSE_TOKEN_REFUSED, SUBPROTOCOL, TOKEN_PREFIX } from '../../shared/wire.ts';
import type { FakeRouter } from './agent-router.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

export interface PageServer {
  readonly port: number;
  /** Cuts every connection and refuses new ones until {@link PageServer.restore}. */
  cut(): void;
  restore(): void;
  stop(): Promise<void>;
}

/** Serves the pages in `folder`, and the API at `/api` for clients with the token. */
export async function servePages(options: {
  router: FakeRouter;
  folder: string;
  /** 0 takes any free port. */
  port: number;
  token: string;
}): Promise<PageServer> {
  const server = createServer((request, response) => {
    const name = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    readFile(join(options.folder, name === '/' ? 'index.html' : name)).then(
      (body) =>
        response
          .writeHead(200, { 'content-type': TYPES[extname(name) || '.html'] ?? 'text/plain' })
          .end(body),
      () => response.writeHead(404).end('not found'),
    );
  });
  const webSockets = new WebSocketServer({
    server,
    path: API_SOCKET_PATH,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const connections = acceptConnections(webSockets, options.router, options.token);
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    ...connections,
    stop: () =>
      new Promise((resolve) => {
        connections.cut();
        webSockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function acceptConnections(
  webSockets: WebSocketServer,
  router: FakeRouter,
  token: string,
): Pick<PageServer, 'cut' | 'restore'> {
  const handler = new RPCHandler(router);
  const sockets = new Set<WebSocket>();
  let isCut = false;
  webSockets.on('connection', (socket, request) => {
    if (isCut) {
      socket.terminate();
      return;
    }
    const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/);
    if (!offered.includes(TOKEN_PREFIX + token)) {
      socket.close(CLOSE_TOKEN_REFUSED, 'token refused');
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void handler.upgrade(socket);
  });
  return {
    cut() {
      isCut = true;
      for (const socket of sockets) socket.terminate();
    },
    restore() {
      isCut = false;
    },
  };
}

/** HTTP and WebSocket server of fake agents, on loopback, with connections that a test can cut. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
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

/** The API's connections of one agent. */
export interface AgentConnections {
  /** Cuts every connection and refuses new ones until {@link AgentConnections.restore}. */
  cut(): void;
  restore(): void;
}

export interface PageServer {
  readonly port: number;
  /** Lets this agent answer the API at `/api` from now on, for clients with the token; the one before is cut. */
  serve(router: FakeRouter, token: string): AgentConnections;
  stop(): Promise<void>;
}

/** Serves the pages in `folder` on a port; 0 takes any free one. */
export async function startPageServer(options: { folder: string; port: number }): Promise<PageServer> {
  const server = createServer((request, response) => {
    const name = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    readFile(join(options.folder, name === '/' ? 'index.html' : name)).then(
      (body) => response.writeHead(200, headersOf(name)).end(body),
      () => response.writeHead(404).end('not found'),
    );
  });
  const webSockets = new WebSocketServer({
    server,
    path: API_SOCKET_PATH,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  let current: Connections | null = null;
  webSockets.on('connection', (socket, request) => {
    if (current === null) socket.terminate();
    else current.accept(socket, request);
  });
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    serve(router, token) {
      current?.cut();
      current = createConnections(router, token);
      return current;
    },
    stop: () =>
      new Promise((resolve) => {
        current?.cut();
        webSockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function headersOf(name: string): Record<string, string> {
  const type = { 'content-type': TYPES[extname(name) || '.html'] ?? 'text/plain' };
  // Their names have a hash of their content. A tab that is used again keeps them, compiled.
  const isAsset = name.startsWith('/assets/');
  return isAsset ? { ...type, 'cache-control': 'max-age=31536000, immutable' } : type;
}

interface Connections extends AgentConnections {
  accept(socket: WebSocket, request: IncomingMessage): void;
}

function createConnections(router: FakeRouter, token: string): Connections {
  const handler = new RPCHandler(router);
  const sockets = new Set<WebSocket>();
  let isCut = false;
  return {
    accept(socket, request) {
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
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.terminate();
    },
    restore() {
      isCut = false;
    },
  };
}

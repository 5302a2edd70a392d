/**
 * Serves the pages from source with hot reload, for `npm run dev`, and carries their WebSocket to the agent.
 *
 * The page's token is this server's own and stays the same while the agent, which creates a new token at each start,
 * is restarted: the server replaces its token with the agent's current one.
 */
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer, type Plugin } from 'vite';
import { forceUnwrap } from '../../shared/assert.ts';
import { API_SOCKET_PATH, TOKEN_FRAGMENT, TOKEN_PREFIX } from '../../shared/wire.ts';
import { REPOSITORY } from './places.ts';

export interface DevPages {
  /** Address to open, with the token. */
  readonly url: string;
  close(): Promise<void>;
}

/** The agent's page server; null while no agent is ready. */
export type Upstream = () => { readonly url: string; readonly token: string } | null;

/** `port`: the first one to try; the next free one is used if it is taken. */
export async function startDevPages({
  port,
  upstream,
}: {
  port: number;
  upstream: Upstream;
}): Promise<DevPages> {
  const token = randomBytes(24).toString('hex');
  const nonce = randomBytes(16).toString('hex');
  const server = await createServer({
    configFile: join(REPOSITORY, 'vite.config.ts'),
    // Outside of node_modules, which checkouts may share.
    cacheDir: join(REPOSITORY, '.cache/vite'),
    clearScreen: false,
    logLevel: 'warn',
    html: { cspNonce: nonce },
    plugins: [allowNonce(nonce), agentSocket(token, upstream)],
    server: {
      host: '127.0.0.1',
      port,
      fs: { allow: [REPOSITORY, realpathSync(join(REPOSITORY, 'node_modules'))] },
    },
  });
  await server.listen();
  const [base] = forceUnwrap('the addresses of a listening server', server.resolvedUrls).local;
  return {
    url: `${forceUnwrap('a loopback address', base)}${TOKEN_FRAGMENT}${token}`,
    close: () => server.close(),
  };
}

/**
 * Lets Vite's inline scripts and style elements pass the pages' content security policy by a nonce. The policy of built
 * pages in index.html is unchanged.
 */
function allowNonce(nonce: string): Plugin {
  return {
    name: 'allow-nonce',
    transformIndexHtml: {
      order: 'pre',
      handler: (html) => html.replaceAll(/(script|style)-src 'self'/g, `$1-src 'self' 'nonce-${nonce}'`),
    },
  };
}

function agentSocket(token: string, upstream: Upstream): Plugin {
  return {
    name: 'agent-socket',
    configureServer({ httpServer }) {
      httpServer?.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        // Other upgrades are Vite's own.
        if (request.url === API_SOCKET_PATH) forward({ request, socket, head }, token, upstream());
      });
    },
  };
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Connects a page's WebSocket to the agent, as if the page had been loaded from there. */
function forward({ request, socket, head }: Upgrade, token: string, agent: ReturnType<Upstream>): void {
  // Forwarding replaces the origin, so it is checked here instead of by the agent.
  if (agent === null || request.headers.origin !== `http://${request.headers.host}`) {
    socket.end(
      `HTTP/1.1 ${agent === null ? '503 Service Unavailable' : '403 Forbidden'}\r\nConnection: close\r\n\r\n`,
    );
    return;
  }
  const { host, hostname, port, origin } = new URL(agent.url);
  const protocols = request.headers['sec-websocket-protocol']?.replace(
    TOKEN_PREFIX + token,
    TOKEN_PREFIX + agent.token,
  );
  const headers = { ...request.headers, host, origin, 'sec-websocket-protocol': protocols };
  const target = connect(Number(port), hostname, () => {
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}: ${value}`,
    );
    target.write(`GET /api HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    target.write(head);
    socket.pipe(target).pipe(socket);
  });
  // Either side may be reset when the agent restarts; the page then reconnects.
  target.on('error', () => socket.destroy());
  socket.on('error', () => target.destroy());
  socket.on('close', () => target.destroy());
  target.on('close', () => socket.destroy());
}

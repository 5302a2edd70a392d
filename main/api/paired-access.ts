/**
 * Lets browsers without a token in: exchanges a code of the terminal for two secrets, and checks those of a connection.
 * One is a cookie that no script reads; every server on loopback gets it, whatever its port, so the other one is stored
 * where only pages of this port can read it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { checkShape } from '../../shared/check-shape.ts';
import { isLoopbackHost } from '../../shared/loopback.ts';
import {
  type BrowserHalf,
  browserHalfSchema,
  type PairProblem,
  pairRequestSchema,
} from '../../shared/pairing.ts';
import { CLOSE_TOKEN_REFUSED, PAIR_COOKIE_PREFIX, PAIR_PREFIX } from '../../shared/wire.ts';
import type { Pairing } from '../core/pairing/index.ts';

const BODY_BYTES_MAX = 1_000;
/** 400 days, the longest that browsers keep a cookie. */
const COOKIE_SECONDS = 34_560_000;

/** Handles a POST with a code. Headers of every response are set already. */
export async function servePairing(
  pairing: Pick<Pairing, 'pair'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isJson = /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '');
  if (!isLoopbackHost(request.headers.host) || !isSameOrigin(request) || !isJson) {
    return answer(response, 403, { problem: 'no-code' });
  }
  const parsed = checkShape(pairRequestSchema, await readBody(request));
  if (!parsed.success) return answer(response, 400, { problem: 'wrong-code' });
  const result = pairing.pair(parsed.data);
  if ('problem' in result) return answer(response, 403, result);
  const { half, cookie } = result;
  response.setHeader(
    'Set-Cookie',
    `${PAIR_COOKIE_PREFIX}${half.id}=${cookie}; Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Strict`,
  );
  answer(response, 200, half);
}

/** Returns whether a connection comes from a paired browser; it is then closed when the browser is revoked. */
export function acceptPaired(
  request: IncomingMessage,
  socket: WebSocket,
  pairing: Pick<Pairing, 'check' | 'onRevoked'>,
): boolean {
  const half = halfOf(request);
  if (half === null) return false;
  const cookie = cookieOf(request, PAIR_COOKIE_PREFIX + half.id);
  if (cookie === null || !pairing.check(half, cookie)) return false;
  const stop = pairing.onRevoked((id) => {
    if (id === half.id) socket.close(CLOSE_TOKEN_REFUSED, 'revoked');
  });
  socket.once('close', stop);
  return true;
}

/** Returns true for requests of this server's own pages. */
export function isSameOrigin(request: IncomingMessage): boolean {
  return request.headers.origin === `http://${request.headers.host}`;
}

function halfOf(request: IncomingMessage): BrowserHalf | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const pair = offered.find((name) => name.startsWith(PAIR_PREFIX))?.slice(PAIR_PREFIX.length) ?? '';
  const [id, key] = pair.split('.');
  const parsed = browserHalfSchema.safeParse({ id, key });
  return parsed.success ? parsed.data : null;
}

function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [found, value] = pair.trim().split('=');
    if (found === name && value !== undefined) return value;
  }
  return null;
}

/** Undefined for a body that is too long, isn't JSON or breaks off. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function answer(
  response: ServerResponse,
  status: number,
  body: BrowserHalf | { readonly problem: PairProblem },
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(JSON.stringify(body));
}

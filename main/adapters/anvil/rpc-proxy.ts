/**
 * JSON-RPC proxy for anvil on loopback. It acknowledges a state-changing call only after the new state is on disk, so
 * that a crash can't lose a transaction the ledger has already recorded.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const FORWARD_TIMEOUT_MS = 60_000;

const callSchema = z.object({ method: z.string() });
const bodySchema = z.union([callSchema, z.array(callSchema)]);

export interface RpcProxyOptions {
  /** Anvil's address; null while it is restarted. */
  readonly target: () => string | null;
  /** Saves the chain's state to disk. */
  readonly save: () => Promise<void>;
}

/** Creates a server that does not listen yet. It responds with 503 while anvil is unavailable. */
export function createRpcProxy({ target, save }: RpcProxyOptions): Server {
  let change: Promise<unknown> = Promise.resolve();

  async function forward(body: string): Promise<{ status: number; text: string }> {
    const rpcUrl = target();
    if (rpcUrl === null) return { status: 503, text: '' };
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(FORWARD_TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  }

  /** Runs one change after the other. Reads wait meanwhile, so no client sees a state that a crash could undo. */
  function changeWith(body: string): Promise<{ status: number; text: string }> {
    const done = change.then(async () => {
      const answer = await forward(body);
      await save();
      return answer;
    });
    change = done.catch(() => undefined);
    return done;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readBody(request);
      const calls = request.method === 'POST' ? bodySchema.safeParse(parsed(body)) : null;
      if (body === null || !calls?.success) {
        response.writeHead(400).end();
        return;
      }
      const isChange = [calls.data].flat().some(({ method }) => mayChange(method));
      if (!isChange) await change;
      const { status, text } = isChange ? await changeWith(body) : await forward(body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    } catch {
      // Anvil died during the call. The effect is unknown, as with any node that becomes unavailable.
      if (!response.headersSent) response.writeHead(503);
      response.end();
    }
  }

  return createServer((request, response) => void answer(request, response));
}

/** False only for methods that are known to be read-only. */
function mayChange(method: string): boolean {
  if (/^eth_(send|sign)/.test(method)) return true;
  return !/^(eth|net|web3)_/.test(method);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > BODY_BYTES_MAX) return null;
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

/**
 * The practice chain's door on loopback: passes calls on to anvil, and answers one that may change the chain
 * only when the change is on disk. A chain that forgets what it said was done would turn the books into lies.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const FORWARD_TIMEOUT_MS = 60_000;

const callSchema = z.object({ method: z.string() });
const bodySchema = z.union([callSchema, z.array(callSchema)]);

export interface DoorOptions {
  /** Anvil's address now; null while it is being started again. */
  readonly target: () => string | null;
  /** Puts the chain's state on disk. */
  readonly keep: () => Promise<void>;
}

/** A server that does not listen yet. What anvil cannot answer now is a 503. */
export function createDoor({ target, keep }: DoorOptions): Server {
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

  /** One after the other; meanwhile nobody reads what a crash could still take back. */
  function changeWith(body: string): Promise<{ status: number; text: string }> {
    const done = change.then(async () => {
      const answer = await forward(body);
      await keep();
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
      // Anvil died in the middle: what it did is unknown, as with any node that goes away.
      if (!response.headersSent) response.writeHead(503);
      response.end();
    }
  }

  return createServer((request, response) => void answer(request, response));
}

/** Whatever is not known to only read may change something. */
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

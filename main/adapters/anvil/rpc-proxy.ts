/**
 * JSON-RPC proxy for anvil on loopback, for programs on this machine: it refuses web pages, and passes only the methods
 * that Idlewatt needs. It acknowledges a state-changing call only after the new state is on disk, so that a crash can't
 * lose a transaction the ledger has already recorded.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { type LoopbackRefusal, loopbackRefusal } from '../../../shared/loopback.ts';
import { type NodeAnswer, postToNode } from './node-call.ts';

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const FORWARD_TIMEOUT_MS = 60_000;

const BATCH_CALLS_MAX = 100;
/** JSON-RPC's code for a method that does not exist. */
const METHOD_NOT_FOUND = -32_601;

const idSchema = z.union([z.string().max(100), z.number(), z.null()]);
const callSchema = z.object({ method: z.string(), id: idSchema.catch(null).default(null) });
const bodySchema = z.union([callSchema, z.array(callSchema).max(BATCH_CALLS_MAX)]);

/**
 * Methods that only read. Anvil has others that open connections to any address (`anvil_reset`), change what they
 * like, or write files; a method is listed here only because something needs it.
 */
const READING: readonly string[] = [
  'eth_accounts',
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_syncing',
  'net_version',
  'web3_clientVersion',
];
/** Methods that change the chain's state: transactions, and the faucet's. */
const CHANGING: readonly string[] = ['eth_sendRawTransaction', 'eth_sendTransaction', 'anvil_setBalance'];

const REFUSAL_STATUS: Readonly<Record<LoopbackRefusal, number>> = {
  host: 403,
  origin: 403,
  'content-type': 415,
};

export interface RpcProxyOptions {
  /** Anvil's address; null while it is restarted. */
  readonly target: () => string | null;
  /** Saves the chain's state to disk. */
  readonly save: () => Promise<void>;
  /** Methods that are passed as well; treated as changes of the state. */
  readonly moreMethods: readonly string[];
}

/** Creates a server that does not listen yet. It responds with 503 while anvil is unavailable. */
export function createRpcProxy({ target, save, moreMethods }: RpcProxyOptions): Server {
  const reading = new Set(READING);
  const changing = new Set([...CHANGING, ...moreMethods]);
  let change: Promise<unknown> = Promise.resolve();

  async function forward(body: string): Promise<NodeAnswer> {
    const rpcUrl = target();
    if (rpcUrl === null) return { status: 503, text: '' };
    return postToNode(rpcUrl, body, FORWARD_TIMEOUT_MS);
  }

  /** Runs one change after the other. Reads wait meanwhile, so no client sees a state that a crash could undo. */
  function changeWith(body: string): Promise<NodeAnswer> {
    const done = change.then(async () => {
      const answer = await forward(body);
      await save();
      return answer;
    });
    change = done.catch(() => undefined);
    return done;
  }

  async function answer(request: IncomingMessage): Promise<NodeAnswer> {
    const refusal = refusalOf(request);
    if (refusal !== null) return { status: REFUSAL_STATUS[refusal], text: '' };
    const body = request.method === 'POST' ? await readBody(request) : null;
    const read = checkShape(bodySchema, parsed(body));
    if (body === null || !read.success) return { status: 400, text: '' };
    const calls = [read.data].flat();
    const unknown = calls.find(({ method }) => !reading.has(method) && !changing.has(method));
    if (unknown !== undefined) return { status: 200, text: methodNotFound(unknown) };
    const isChange = calls.some(({ method }) => changing.has(method));
    if (!isChange) await change;
    return isChange ? changeWith(body) : forward(body);
  }

  return createServer((request, response) => {
    answer(request).then(
      ({ status, text }) => respond(response, status, text),
      // Anvil died during the call. The effect is unknown, as with any node that becomes unavailable.
      () => respond(response, 503, ''),
    );
  });
}

function refusalOf(request: IncomingMessage): LoopbackRefusal | null {
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return loopbackRefusal({ method: request.method ?? '', header });
}

/** The answer to a call, or to a batch with one, whose method is not passed. */
function methodNotFound({ id, method }: z.infer<typeof callSchema>): string {
  const message = `The practice chain doesn’t offer ${method.slice(0, 100)}.`;
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: METHOD_NOT_FOUND, message } });
}

function respond(response: ServerResponse, status: number, text: string): void {
  // The rest of a refused body is not read.
  const headers = { 'content-type': 'application/json', ...(status >= 400 && { connection: 'close' }) };
  response.writeHead(status, headers).end(text);
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

/** One JSON-RPC endpoint: its chain ID is checked before any of its answers is used, and its failures become our errors. */
import { FetchRequest } from 'ethers';
import { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { isDeepJson } from '../../../shared/json.ts';
import { describeInterference, describeStatus, SIGN_IN_PAGE } from '../../../shared/network-failure.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { ChainRefusal } from '../../ports/evm.ts';
import { limitedRequest } from './limited-request.ts';

export const REQUEST_TIMEOUT_MS = 10_000;

const chainIdSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]+$/)
  .transform((text) => Number(BigInt(text)));

export interface Endpoint {
  readonly url: string;
  /**
   * Returns the node's answer. Fails with `chain-unavailable` (no answer in time, an invalid one, or an error of the node's
   * own, e.g. a rate limit) or `chain-mismatch`; a contract that reverts and a transaction that isn't valid are a
   * {@link ChainRefusal} with the reason.
   */
  ask(method: string, parameters: readonly unknown[]): Promise<unknown>;
  close(): void;
}

/** Opens no connection before the first query. */
export function createEndpoint(network: ChainNetwork, url: string, timeoutMs: number): Endpoint {
  const post = createPost(network, url, timeoutMs);
  let checked: Promise<void> | null = null;

  async function raw(method: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await post.ask(method, parameters);
    } catch (error) {
      throw isAppError(error) ? error : translate(error, network);
    }
  }

  async function checkChain(): Promise<void> {
    const served = chainIdSchema.safeParse(await raw('eth_chainId', []));
    if (!served.success) throw unreadable(network);
    if (served.data !== network.chainId) {
      throw new AppError('chain-mismatch', `The node serves chain ${served.data}, not ${network.chainId}.`, {
        details: { expected: network.chainId, answered: served.data },
      });
    }
  }

  return {
    url,
    async ask(method, parameters) {
      checked ??= checkChain();
      const current = checked;
      try {
        await current;
      } catch (error) {
        if (checked === current) checked = null;
        throw error;
      }
      try {
        return await raw(method, parameters);
      } catch (error) {
        // After an outage another node may serve this address.
        if (isAppError(error, 'chain-unavailable')) checked = null;
        throw error;
      }
    },
    close: post.close,
  };
}

const responseSchema = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

/** Posts queries over HTTP. ethers' own provider would wait for others to send together with each, a millisecond or more. */
function createPost(network: ChainNetwork, url: string, timeoutMs: number) {
  const connection = new FetchRequest(url);
  connection.getUrlFunc = limitedRequest(timeoutMs);
  // When an endpoint is busy, the pool queries another one; ethers would retry the same one for minutes.
  connection.setThrottleParams({ maxAttempts: 1 });
  const open = new Set<FetchRequest>();
  let isClosed = false;
  let queries = 0;

  async function send(content: object): Promise<unknown> {
    if (isClosed) throw new Error('the endpoint was closed');
    const request = connection.clone();
    request.setHeader('content-type', 'application/json');
    request.body = JSON.stringify(content);
    open.add(request);
    try {
      const response = await request.send();
      response.assertOk();
      // ethers would convert each byte, and parse at any depth.
      const text = Buffer.from(response.body ?? []).toString();
      if (isDeepJson(text)) throw unreadable(network);
      return JSON.parse(text);
    } finally {
      open.delete(request);
    }
  }

  return {
    /** Fails with {@link RpcError} if the node answers with an error. */
    async ask(method: string, parameters: readonly unknown[]): Promise<unknown> {
      queries += 1;
      const id = queries;
      const answered = responseSchema.safeParse(
        await send({ jsonrpc: '2.0', id, method, params: parameters }),
      );
      if (!answered.success || answered.data.id !== id) throw unreadable(network);
      const { result, error } = answered.data;
      if (error === undefined || error === null) {
        if (result === undefined) throw unreadable(network);
        return result;
      }
      const own = nodeErrorSchema.safeParse(error);
      throw own.success ? new RpcError(own.data) : unreadable(network);
    },
    close(): void {
      isClosed = true;
      for (const request of open) request.cancel();
    },
  };
}

/** Returns the error for an answer of invalid shape. */
export function unreadable(network: ChainNetwork): AppError {
  return new AppError('chain-unavailable', 'The chain’s node returned an invalid answer.', {
    details: { network: network.id },
  });
}

const nodeErrorSchema = z.object({
  message: z.string(),
  code: z.number().optional(),
  data: z.unknown().optional(),
});
type NodeError = z.infer<typeof nodeErrorSchema>;

/** An error that the node answered with. */
class RpcError extends Error {
  readonly own: NodeError;

  constructor(own: NodeError) {
    super(own.message);
    this.own = own;
  }
}

/** Codes for a call that reverted: of most nodes, and of Parity and its heirs. */
const REVERT_CODES: ReadonlySet<number | undefined> = new Set([3, -32_015]);
/** Words of nodes for a call that failed on the chain, and for a transaction that isn't valid. */
const REFUSALS = [
  /revert|invalid opcode|out of gas|gas required exceeds|stack (under|over)flow/i,
  /nonce|underpriced|fee cap|base fee|max fee|priority fee/i,
  /intrinsic gas|gas limit|gas too low|invalid (sender|signature|transaction)|transaction type|chain ?id|oversized|rlp/i,
];

/** Words of nodes for a transaction that is in their pool. */
const IN_POOL = /already ?known|already imported|(?<!un)known transaction|already in (the )?(tx ?)?pool/i;

/** True for the refusal of a transaction because the node has it, e.g. from a query whose answer was lost. */
export function isInPool(error: unknown): boolean {
  return error instanceof ChainRefusal && IN_POOL.test(error.message);
}

/** True if every node would say so: the error is about the call or the transaction, not about the node. */
function isRefusal({ message, code, data }: NodeError): boolean {
  // Data of a revert begin with the error's selector.
  const isRevert = typeof data === 'string' && /^0x[0-9a-fA-F]{8}/.test(data);
  return (
    isRevert ||
    REVERT_CODES.has(code) ||
    IN_POOL.test(message) ||
    REFUSALS.some((words) => words.test(message))
  );
}

/** Keeps the meaning of what the chain refuses; every other error means that this node can't be used now. */
function translate(error: unknown, network: ChainNetwork): Error {
  if (!(error instanceof RpcError)) {
    const reason = unreachableReason(error);
    const message =
      reason === null ? 'The chain is unreachable.' : `The chain’s node is unreachable: ${reason}.`;
    return new AppError('chain-unavailable', message, {
      cause: error,
      details: { network: network.id, ...(reason === null ? {} : { reason }) },
    });
  }
  const { own } = error;
  if (/insufficient funds/i.test(own.message)) {
    return new AppError('insufficient-funds', 'Not enough coin for the network fee.', {
      cause: error,
      details: { network: network.id },
    });
  }
  const text = own.message.slice(0, 300);
  if (isRefusal(own)) return new ChainRefusal(`the chain refused: ${text}`, { cause: error });
  return new AppError('chain-unavailable', `The chain’s node answered with an error: ${text}`, {
    cause: error,
    details: { network: network.id, reason: text },
  });
}

const answerSchema = z.object({ info: z.object({ responseStatus: z.string() }) });
/** A redirect that isn't followed. */
const redirectSchema = z.object({ operation: z.string().startsWith('redirect(') });

/** Returns what the owner can act on, or null. ethers writes the status as "429 …", or in brackets if it gave up on it. */
function unreachableReason(error: unknown): string | null {
  const answered = answerSchema.safeParse(error);
  if (answered.success) {
    const status =
      /\((\d{3}) /.exec(answered.data.info.responseStatus) ??
      /^(\d{3})/.exec(answered.data.info.responseStatus);
    return describeStatus(Number(status?.[1]));
  }
  // A text that isn't JSON.
  const isOtherPage = error instanceof SyntaxError || redirectSchema.safeParse(error).success;
  return isOtherPage ? SIGN_IN_PAGE : describeInterference(error);
}

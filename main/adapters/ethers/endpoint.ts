/** One JSON-RPC endpoint: its chain ID is checked before any of its answers is used, and its failures become our errors. */
import { FetchRequest, JsonRpcProvider, Network } from 'ethers';
import { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { describeInterference, describeStatus, SIGN_IN_PAGE } from '../../../shared/network-failure.ts';
import type { ChainNetwork } from '../../ports/chain.ts';

export const REQUEST_TIMEOUT_MS = 10_000;

const chainIdSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]+$/)
  .transform((text) => Number(BigInt(text)));

export interface Endpoint {
  readonly url: string;
  /**
   * Returns the node's answer. Fails with `chain-unavailable` (no answer in time, or an invalid one) or
   * `chain-mismatch`; a refusal by the node itself is an ordinary error with its reason.
   */
  ask(method: string, parameters: readonly unknown[]): Promise<unknown>;
  close(): void;
}

/** Opens no connection before the first query. */
export function createEndpoint(network: ChainNetwork, url: string, timeoutMs: number): Endpoint {
  const request = new FetchRequest(url);
  request.timeout = timeoutMs;
  // When an endpoint is busy, the pool queries another one; ethers would retry the same one for minutes.
  request.setThrottleParams({ maxAttempts: 1 });
  const provider = new JsonRpcProvider(request, Network.from(network.chainId), {
    staticNetwork: true,
    batchMaxCount: 1,
    batchStallTime: 0,
    cacheTimeout: -1,
  });
  let checked: Promise<void> | null = null;

  async function raw(method: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await provider.send(method, [...parameters]);
    } catch (error) {
      throw translate(error, network);
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
    close: () => provider.destroy(),
  };
}

/** Returns the error for an answer of invalid shape. */
export function unreadable(network: ChainNetwork): AppError {
  return new AppError('chain-unavailable', 'The chain’s node returned an invalid answer.', {
    details: { network: network.id },
  });
}

const rpcErrorSchema = z.object({ error: z.object({ message: z.string() }) });

/** Keeps the meaning of the node's own errors; every other error means that the node is unreachable. */
function translate(error: unknown, network: ChainNetwork): Error {
  const answered = rpcErrorSchema.safeParse(error);
  const text = answered.success ? answered.data.error.message : nestedMessage(error);
  if (text === null) {
    const reason = unreachableReason(error);
    const message =
      reason === null ? 'The chain is unreachable.' : `The chain’s node is unreachable: ${reason}.`;
    return new AppError('chain-unavailable', message, {
      cause: error,
      details: { network: network.id, ...(reason === null ? {} : { reason }) },
    });
  }
  if (/insufficient funds/i.test(text)) {
    return new AppError('insufficient-funds', 'Not enough coin for the network fee.', {
      cause: error,
      details: { network: network.id },
    });
  }
  return new Error(`the chain refused: ${text.slice(0, 300)}`, { cause: error });
}

const answerSchema = z.object({ info: z.object({ responseStatus: z.string() }) });
/** A text that isn't JSON, or a redirect that isn't followed. */
const otherPageSchema = z.object({ operation: z.string().regex(/^(bodyJson$|redirect\()/) });

/** Returns what the owner can act on, or null. ethers writes the status as "429 …", or in brackets if it gave up on it. */
function unreachableReason(error: unknown): string | null {
  const answered = answerSchema.safeParse(error);
  if (answered.success) {
    const status =
      /\((\d{3}) /.exec(answered.data.info.responseStatus) ??
      /^(\d{3})/.exec(answered.data.info.responseStatus);
    return describeStatus(Number(status?.[1]));
  }
  return otherPageSchema.safeParse(error).success ? SIGN_IN_PAGE : describeInterference(error);
}

/** Finds the node's message in an error that ethers rewrote: the original is under `info`. */
function nestedMessage(error: unknown): string | null {
  const nested = z.object({ info: rpcErrorSchema }).safeParse(error);
  if (nested.success) return nested.data.info.error.message;
  const coded = z.object({ code: z.string(), shortMessage: z.string() }).safeParse(error);
  if (coded.success && ['CALL_EXCEPTION', 'INSUFFICIENT_FUNDS', 'NONCE_EXPIRED'].includes(coded.data.code)) {
    return coded.data.code === 'INSUFFICIENT_FUNDS' ? 'insufficient funds' : coded.data.shortMessage;
  }
  return null;
}

/** Several endpoints as one: the next endpoint replaces one that fails, and answers that money depends on need two that agree. */
import { toQuantity } from 'ethers';
import type { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import {
  countAnswers,
  failuresOf,
  majority,
  missingAnswer,
  type Outcome,
  toAnswer,
  toRefusal,
  unwrap,
} from './agreement.ts';
import { createEndpoint, type Endpoint, REQUEST_TIMEOUT_MS, unreadable } from './endpoint.ts';
import { createEndpointHealth, type EndpointHealth } from './endpoint-health.ts';
import { quantitySchema } from './rpc-shapes.ts';

/** Number of endpoints that must agree if the network has more than one. */
const AGREEING = 2;

export interface EndpointPool {
  /** Returns the answer of the first endpoint that gives one. */
  ask<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<T>;
  /**
   * Returns the answer that two endpoints share (one if the network has a single one). `parametersAt` gets a block
   * tag; endpoints that are a block apart are queried about the same block. Fails with `chain-unavailable` when
   * fewer than two answer, with `chain-mismatch` when they disagree.
   */
  agreed<T>(
    method: string,
    parametersAt: (block: string) => readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<T>;
  /**
   * Returns the answers of two endpoints (one if the network has a single one), which may differ. The next endpoint
   * replaces one that fails. Fails with `chain-unavailable` when fewer answer.
   */
  reports<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<readonly T[]>;
  /** The highest block that two endpoints have (one if there is a single one). */
  height(): Promise<number>;
  close(): void;
}

/** One query: a method with its parameters, and the schema of its answer. */
interface Query<T> {
  readonly method: string;
  readonly parameters: readonly unknown[];
  readonly schema: z.ZodType<T>;
}

export function createEndpointPool(
  network: ChainNetwork,
  requestTimeoutMs: number = REQUEST_TIMEOUT_MS,
): EndpointPool {
  const endpoints = [network.rpcUrl, ...network.fallbackRpcUrls].map((url) =>
    createEndpoint(network, url, requestTimeoutMs),
  );
  const health = createEndpointHealth(endpoints);
  const needed = Math.min(AGREEING, endpoints.length);

  const attempt = createAttempts(network, health);
  const attemptAll = <T>(chosen: readonly Endpoint[], query: Query<T>): Promise<Outcome<T>[]> =>
    Promise.all(chosen.map((endpoint) => attempt(endpoint, query)));

  const ask: EndpointPool['ask'] = async (method, parameters, schema) => {
    const failures: AppError[] = [];
    for (const endpoint of health.inOrder()) {
      const outcome = await attempt(endpoint, { method, parameters, schema });
      if (outcome.kind !== 'failure') return unwrap(outcome);
      failures.push(outcome.error);
    }
    throw mostUseful(failures, network);
  };

  const agreed: EndpointPool['agreed'] = async (method, parametersAt, schema) => {
    if (needed === 1) return ask(method, parametersAt('latest'), schema);
    const order = health.inOrder();
    const latest = { method, parameters: parametersAt('latest'), schema };
    const early = majority(await attemptAll(order.slice(0, needed), latest), needed);
    if (early !== null) return unwrap(early);
    // Endpoints are a block apart, wrong or unavailable: query all of them about one block.
    const block = toQuantity(await height());
    const outcomes = await attemptAll(order, { method, parameters: parametersAt(block), schema });
    const late = majority(outcomes, needed);
    if (late !== null) return unwrap(late);
    if (countAnswers(outcomes) < needed) throw mostUseful(failuresOf(outcomes), network);
    // Data that one of them doesn't have yet, e.g. a receipt, counts as missing.
    const missing = missingAnswer(outcomes);
    if (missing !== null) return unwrap(missing);
    throw new AppError('chain-mismatch', 'The chain’s nodes disagree.', {
      details: { network: network.id, method },
    });
  };

  const reports: EndpointPool['reports'] = async (method, parameters, schema) => {
    const query = { method, parameters, schema };
    const order = health.inOrder();
    const outcomes = await attemptAll(order.slice(0, needed), query);
    for (const endpoint of order.slice(needed)) {
      if (countAnswers(outcomes) >= needed) break;
      outcomes.push(await attempt(endpoint, query));
    }
    if (countAnswers(outcomes) < needed) throw mostUseful(failuresOf(outcomes), network);
    return outcomes.filter((outcome) => outcome.kind !== 'failure').map(unwrap);
  };

  async function height(): Promise<number> {
    const query = { method: 'eth_blockNumber', parameters: [], schema: quantitySchema };
    const outcomes = await attemptAll(endpoints, query);
    const heights = outcomes
      .flatMap((outcome) => (outcome.kind === 'answer' ? [Number(outcome.value)] : []))
      .sort((a, b) => b - a);
    const common = heights[needed - 1];
    if (common === undefined) throw mostUseful(failuresOf(outcomes), network);
    return common;
  }

  return {
    ask,
    agreed,
    reports,
    height,
    close() {
      for (const endpoint of endpoints) endpoint.close();
    },
  };
}

/** Queries one endpoint once, and records whether it could be used. */
function createAttempts(network: ChainNetwork, health: EndpointHealth) {
  return async <T>(endpoint: Endpoint, query: Query<T>): Promise<Outcome<T>> => {
    try {
      const answer = await endpoint.ask(query.method, query.parameters);
      const parsed = query.schema.safeParse(answer);
      if (!parsed.success) throw unreadable(network);
      health.succeeded(endpoint);
      return toAnswer(parsed.data);
    } catch (error) {
      if (!isAppError(error, 'chain-unavailable', 'chain-mismatch')) return toRefusal(error);
      health.failed(endpoint);
      return { kind: 'failure', error };
    }
  };
}

/**
 * Returns the failure to report. Unavailability comes first, because the owner can act on it; an endpoint of another
 * chain is an error in the list.
 */
function mostUseful(failures: readonly AppError[], network: ChainNetwork): AppError {
  const known = failures.find((error) => error.code === 'chain-unavailable') ?? failures[0];
  return (
    known ??
    new AppError('chain-unavailable', 'Too few of the chain’s nodes answer.', {
      details: { network: network.id },
    })
  );
}

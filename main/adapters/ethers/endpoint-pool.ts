/** Several endpoints as one: the next one where one fails, and two that agree where money is believed. */
import { toQuantity } from 'ethers';
import type { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { createEndpoint, type Endpoint, REQUEST_TIMEOUT_MS, unreadable } from './endpoint.ts';
import { quantitySchema } from './rpc-shapes.ts';

/** An endpoint that failed is asked last for a while. */
const PENALTY_MS = 30_000;
/** So many have to say the same where there are more endpoints than one. */
const AGREEING = 2;

export interface EndpointPool {
  /** One endpoint's answer, whichever gives one. */
  ask<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<T>;
  /**
   * What two endpoints say alike (one where the network has a single one). `parametersAt` gets a block tag;
   * endpoints that are a block apart are asked for the same block. Fails with `chain-unavailable` where fewer
   * than two answer, with `chain-mismatch` where they contradict each other.
   */
  agreed<T>(
    method: string,
    parametersAt: (block: string) => readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<T>;
  /** The highest block that two endpoints have (one where there is a single one). */
  height(): Promise<number>;
  close(): void;
}

type Outcome<T> =
  | { readonly kind: 'answer'; readonly value: T; readonly key: string }
  /** The node refused by itself, e.g. a contract reverted: an answer, too. */
  | { readonly kind: 'refusal'; readonly error: unknown; readonly key: string }
  | { readonly kind: 'failure'; readonly error: AppError };

export function createEndpointPool(
  network: ChainNetwork,
  requestTimeoutMs: number = REQUEST_TIMEOUT_MS,
): EndpointPool {
  const endpoints = [network.rpcUrl, ...network.fallbackRpcUrls].map((url) =>
    createEndpoint(network, url, requestTimeoutMs),
  );
  const failedAtMs = new Map<Endpoint, number>();
  const needed = Math.min(AGREEING, endpoints.length);

  /** Healthy ones first, in the order of the list. */
  function byHealth(): readonly Endpoint[] {
    const since = performance.now() - PENALTY_MS;
    const isWell = (endpoint: Endpoint): boolean => (failedAtMs.get(endpoint) ?? -Infinity) < since;
    return [...endpoints.filter(isWell), ...endpoints.filter((endpoint) => !isWell(endpoint))];
  }

  async function attempt<T>(
    endpoint: Endpoint,
    method: string,
    parameters: readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<Outcome<T>> {
    try {
      const answer = await endpoint.ask(method, parameters);
      const parsed = schema.safeParse(answer);
      if (!parsed.success) throw unreadable(network);
      failedAtMs.delete(endpoint);
      return { kind: 'answer', value: parsed.data, key: keyOf(parsed.data) };
    } catch (error) {
      if (isAppError(error, 'chain-unavailable', 'chain-mismatch')) {
        failedAtMs.set(endpoint, performance.now());
        return { kind: 'failure', error };
      }
      // Nodes word the same refusal differently.
      return { kind: 'refusal', error, key: 'refused' };
    }
  }

  async function ask<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<T> {
    const failures: AppError[] = [];
    for (const endpoint of byHealth()) {
      const outcome = await attempt(endpoint, method, parameters, schema);
      if (outcome.kind === 'answer') return outcome.value;
      if (outcome.kind === 'refusal') throw outcome.error;
      failures.push(outcome.error);
    }
    throw worst(failures, network);
  }

  async function agreed<T>(
    method: string,
    parametersAt: (block: string) => readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<T> {
    if (needed === 1) return ask(method, parametersAt('latest'), schema);
    const order = byHealth();
    const first = await Promise.all(
      order.slice(0, needed).map((endpoint) => attempt(endpoint, method, parametersAt('latest'), schema)),
    );
    const early = majority(first, needed);
    if (early !== null) return unwrap(early);
    // A block apart, a liar, or one that is away: everybody is asked, about one block.
    const block = toQuantity(await height());
    const all = await Promise.all(
      order.map((endpoint) => attempt(endpoint, method, parametersAt(block), schema)),
    );
    const late = majority(all, needed);
    if (late !== null) return unwrap(late);
    // What one of them does not know yet, e.g. a receipt, is not known yet.
    const ignorant = all.find((outcome) => outcome.kind === 'answer' && outcome.value === null);
    if (ignorant !== undefined && answers(all) >= needed) return unwrap(ignorant);
    const failures = all.flatMap((outcome) => (outcome.kind === 'failure' ? [outcome.error] : []));
    if (answers(all) < needed) throw worst(failures, network);
    throw new AppError('chain-mismatch', 'The chain’s nodes contradict each other.', {
      details: { network: network.id, method },
    });
  }

  async function height(): Promise<number> {
    const outcomes = await Promise.all(
      endpoints.map((endpoint) => attempt(endpoint, 'eth_blockNumber', [], quantitySchema)),
    );
    const heights = outcomes
      .flatMap((outcome) => (outcome.kind === 'answer' ? [Number(outcome.value)] : []))
      .sort((a, b) => b - a);
    const common = heights[needed - 1];
    if (common !== undefined) return common;
    throw worst(
      outcomes.flatMap((outcome) => (outcome.kind === 'failure' ? [outcome.error] : [])),
      network,
    );
  }

  return {
    ask,
    agreed,
    height,
    close() {
      for (const endpoint of endpoints) endpoint.close();
    },
  };
}

function majority<T>(outcomes: readonly Outcome<T>[], needed: number): Outcome<T> | null {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) {
    if (outcome.kind === 'failure') continue;
    const count = (counts.get(outcome.key) ?? 0) + 1;
    if (count >= needed) return outcome;
    counts.set(outcome.key, count);
  }
  return null;
}

function answers(outcomes: readonly Outcome<unknown>[]): number {
  return outcomes.filter((outcome) => outcome.kind !== 'failure').length;
}

function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'answer') return outcome.value;
  throw outcome.error;
}

function keyOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined';
}

/** Whoever serves another chain is a mistake of the list's; that nobody answers is what the owner can act on. */
function worst(failures: readonly AppError[], network: ChainNetwork): AppError {
  const known = failures.find((error) => error.code === 'chain-unavailable') ?? failures[0];
  return (
    known ??
    new AppError('chain-unavailable', 'Too few of the chain’s nodes answer.', {
      details: { network: network.id },
    })
  );
}

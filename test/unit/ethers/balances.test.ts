/**
 * Verifies: a balance that can't be read is unknown, and its failure ends nothing.
 * Setup: a node whose two answers arrive in an order that the test chooses.
 * Fails if: a failure that arrives before the other answer is an unhandled rejection, which would end the agent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBalances } from '../../../main/adapters/ethers/balances.ts';
import type { ChainNode } from '../../../main/adapters/ethers/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';

test('a coin balance that fails before the token balance arrives is unknown', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    const token = Promise.withResolvers<unknown>();
    const node = {
      network: { token: { address: `0x${'1'.repeat(40)}` } },
      readContract: () => token.promise,
      agreed: async () => {
        throw new AppError('chain-unavailable', 'The chain is unreachable.');
      },
    } as Partial<Record<keyof ChainNode, unknown>> as ChainNode;
    const balances = readBalances(node, '0x', manualClock(1_000));
    await new Promise((resolve) => setImmediate(resolve));
    token.resolve(5n);
    assert.deepEqual(await balances, { token: 5n, coin: null, atMs: 1_000 });
    assert.deepEqual(unhandled, []);
  } finally {
    process.off('unhandledRejection', note);
  }
});

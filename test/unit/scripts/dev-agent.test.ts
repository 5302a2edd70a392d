/**
 * Verifies: `npm run dev` reports an agent that doesn't start, but not one that a stop ended.
 * Setup: a real agent with a command line that it refuses.
 * Fails if: a stop during a start is reported as a failure, or a failed start is silent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepDevAgent } from '../../../scripts/lib/dev-agent.ts';

const REFUSED = ['--log-level', 'loud'];
const FAILED = 'The agent did not start. It starts again after the next change.';

test('a failed start is reported', async () => {
  const { promise: reported, resolve } = Promise.withResolvers<void>();
  const agent = keepDevAgent(REFUSED, (line) => {
    if (line === FAILED) resolve();
  });
  await reported;
  await agent.stop();
});

test('a start that a stop ended is not reported as failed', async () => {
  const lines: string[] = [];
  await keepDevAgent(REFUSED, (line) => lines.push(line)).stop();
  assert.ok(!lines.includes(FAILED), lines.join('\n'));
});

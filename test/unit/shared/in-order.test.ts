/**
 * Verifies: steps run one after another in the order of the calls, and each caller gets its own result.
 * Setup: random steps that end after random delays or fail (property).
 * Fails if: two steps overlap or swap places, a failure stops the queue or is hidden from its caller.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createInOrder } from '../../../shared/in-order.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('steps never overlap, keep their order, and fail only for their own caller (property)', async () => {
  const step = fc.record({ turns: fc.nat(4), fails: fc.boolean(), pauseBefore: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const inOrder = createInOrder();
      const events: string[] = [];
      const results: Promise<string>[] = [];
      for (const [index, { turns, fails, pauseBefore }] of steps.entries()) {
        if (pauseBefore) await turn();
        const result = inOrder(async () => {
          events.push(`start ${index}`);
          for (let count = 0; count < turns; count += 1) await turn();
          events.push(`end ${index}`);
          if (fails) throw new Error(`step ${index}`);
          return `result ${index}`;
        });
        results.push(result.catch((error: Error) => error.message));
      }
      const expected = steps.map(({ fails }, index) => `${fails ? 'step' : 'result'} ${index}`);
      assert.deepEqual(await Promise.all(results), expected);
      assert.deepEqual(
        events,
        steps.flatMap((_, index) => [`start ${index}`, `end ${index}`]),
      );
    }),
  );
});

test('a step that throws before its first await does not stop the queue', async () => {
  const inOrder = createInOrder();
  const failed = inOrder(() => {
    throw new Error('synchronous');
  });
  const next = inOrder(async () => 'next');
  await assert.rejects(failed, /synchronous/);
  assert.equal(await next, 'next');
});

test('a failure that no caller handles stays an unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.once('unhandledRejection', (error) => unhandled.push(error));
  const failure = new Error('unhandled');
  void createInOrder()(() => Promise.reject(failure));
  await turn();
  await turn();
  for (const listener of listeners) process.on('unhandledRejection', listener);
  assert.deepEqual(unhandled, [failure]);
});

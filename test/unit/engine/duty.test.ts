/**
 * Goal: the engine rests in proportion to what it computed.
 * Method: steps of given length, and the rests that they are followed by.
 * Would break: a rest that grows without bound, one that keeps an aborted answer waiting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDuty } from '../../../main/adapters/llama/duty.ts';

const NEVER = new AbortController().signal;

test('it rests in proportion to its steps, at most two seconds, and not at all at full duty', async () => {
  const rests: number[] = [];
  const duty = createDuty(async (ms) => {
    rests.push(ms);
  });
  await duty.rest(10, NEVER);
  duty.set(50);
  await duty.rest(10, NEVER);
  duty.set(25);
  await duty.rest(10, NEVER);
  await duty.rest(60_000, NEVER);
  duty.set(100);
  await duty.rest(10, NEVER);
  assert.deepEqual(rests, [10, 30, 2_000]);
});

test('an answer that is aborted does not wait for its rest', async () => {
  const duty = createDuty();
  duty.set(1);
  const stop = new AbortController();
  const resting = duty.rest(60_000, stop.signal);
  stop.abort();
  await resting;
  await duty.rest(60_000, stop.signal);
});

/**
 * Verifies: the start of a job counts the prompts of its answers, also where an engine corrects a count later.
 * Setup: scripted sources of engine events.
 * Fails if: a corrected count is added to the first one, so that a requester pays a prompt twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyEvents, type WorkEvent } from '../../../main/core/provider/ready-events.ts';
import type { GenerateEvent } from '../../../main/ports/engine.ts';

const END: GenerateEvent = {
  ...{ type: 'end', reason: 'stop', inputTokens: 9, outputTokens: 1, prefillMs: 1, decodeMs: 1 },
};

async function* source(...events: readonly GenerateEvent[]): AsyncGenerator<GenerateEvent> {
  yield* events;
}

async function startsOf(...sources: readonly AsyncIterable<GenerateEvent>[]): Promise<number[]> {
  const ready = readyEvents(sources);
  const all: WorkEvent[] = [];
  while (all.at(-1)?.type !== 'end') all.push(...(await ready.take()));
  return all.flatMap((event) => (event.type === 'start' ? [event.inputTokens] : []));
}

test('takes the last count of each answer', async () => {
  const start = (inputTokens: number): GenerateEvent => ({ type: 'start', inputTokens });
  assert.deepEqual(await startsOf(source(start(3), start(9), END)), [3, 9]);
  const two = await startsOf(source(start(3), start(9), END), source(start(4), start(9), END));
  assert.equal(two.at(-1), 18);
});

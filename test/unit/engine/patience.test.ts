/**
 * Verifies: lines of batches wait for a sequence of the engine behind every live request.
 * Setup: the scheduler alone, with one sequence.
 * Fails if: a live request waits behind a line of a batch that came earlier, or equal requests change their order.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Generations } from '../../../main/core/engine/generations.ts';
import type { GenerateRequest } from '../../../main/ports/engine.ts';
import { manualClock } from '../../fakes/clock.ts';

it('live requests pass patient ones that wait, and nobody else', async () => {
  const started: (number | null)[] = [];
  const generations = new Generations({
    clock: manualClock(0),
    send(command) {
      if (command.type !== 'generate') return;
      assert.ok(!('isPatient' in command.request), 'the process isn’t told');
      started.push(command.request.seed);
    },
    onActive: () => undefined,
    beginMsMax: 1_000,
    onStuck: () => undefined,
  });
  generations.open(1);
  const request = (seed: number, isPatient: boolean): GenerateRequest => ({
    ...{ prompt: { kind: 'text', text: 'x' }, maxTokens: 1, temperature: 0, topP: 1, seed, stop: [] },
    ...(isPatient && { isPatient }),
  });
  const order = [request(1, true), request(2, true), request(3, false), request(4, true), request(5, false)];
  const runs = order.map((each) => generations.run(each, new AbortController().signal).next());
  await Promise.resolve();
  const deliverEnd = (id: number) =>
    generations.deliver(
      { type: 'end', reason: 'stop', inputTokens: 1, outputTokens: 0, prefillMs: 1, decodeMs: 1 },
      id,
    );
  for (let turn = 0; started.length < order.length && turn < 10; turn += 1) {
    const seed = started.at(-1) ?? 0;
    deliverEnd(seed);
    await Promise.resolve();
  }
  assert.deepEqual(started, [1, 3, 5, 2, 4]);
  deliverEnd(4);
  await Promise.all(runs);
});

/**
 * Verifies: events are batched into few messages without added latency.
 * Setup: the real event loop, and a clock that the test moves.
 * Fails if: each token takes a message of its own, which slows down all layers above, or the first token is delayed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createEventBatch } from '../../../main/adapters/llama/event-batch.ts';
import type { EngineEvent } from '../../../main/ports/engine-process.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const text = (id: number, word: string, token: number): EngineEvent => ({
  type: 'text',
  id,
  text: word,
  tokens: [token],
});
const end = (id: number): EngineEvent => {
  const counts = { inputTokens: 1, outputTokens: 1, prefillMs: 0, decodeMs: 0 };
  return { type: 'end', id, reason: 'stop', ...counts };
};

describe('event batch', () => {
  it('sends the events of one step together, with the first token in this turn', async () => {
    const sent: EngineEvent[][] = [];
    const batch = createEventBatch((events) => sent.push(events));
    batch.add({ type: 'start', id: 1, inputTokens: 2 });
    batch.add(text(1, 'a', 1));
    batch.add(text(2, 'b', 2));
    assert.equal(sent.length, 0);
    await turn();
    assert.equal(sent.length, 1);
    assert.equal(sent[0]?.length, 3);
  });

  it('joins the text of one response and loses nothing', async () => {
    const sent: EngineEvent[][] = [];
    const batch = createEventBatch((events) => sent.push(events));
    batch.add(text(1, 'a', 1));
    await turn();
    for (let token = 2; token <= 5; token += 1) batch.add(text(1, 'x', token));
    batch.add(end(1));
    await turn();
    const all = sent.flat();
    const tokens = all.flatMap((event) => (event.type === 'text' ? event.tokens : []));
    assert.deepEqual(tokens, [1, 2, 3, 4, 5]);
    assert.equal(all.filter((event) => event.type === 'text').length, 2);
    assert.equal(all.at(-1)?.type, 'end');
  });

  it('sends tokens that are faster than an eye together, and the end immediately', async () => {
    const sent: EngineEvent[][] = [];
    let nowMs = 1_000;
    const due: { atMs: number; then: () => void }[] = [];
    const clock = {
      now: () => nowMs,
      after: (ms: number, then: () => void) => void due.push({ atMs: nowMs + ms, then }),
    };
    const batch = createEventBatch((events) => sent.push(events), clock);
    const pass = async (ms: number) => {
      nowMs += ms;
      for (const timer of due.splice(0)) {
        if (timer.atMs <= nowMs) timer.then();
        else due.push(timer);
      }
      await turn();
    };
    batch.add(text(1, 'a', 1));
    await pass(0);
    assert.equal(sent.length, 1, 'the first one waits for nothing');
    for (let token = 2; token <= 5; token += 1) {
      await pass(7);
      batch.add(text(1, 'x', token));
    }
    assert.equal(sent.length, 1);
    await pass(6);
    assert.equal(sent.length, 2, '34 ms after the first one');
    assert.deepEqual(sent[1], [{ type: 'text', id: 1, text: 'xxxx', tokens: [2, 3, 4, 5] }]);
    batch.add(text(1, 'y', 6));
    batch.add(end(1));
    await pass(0);
    assert.equal(sent.at(-1)?.at(-1)?.type, 'end');
    await pass(40);
    assert.equal(sent.length, 3, 'nothing is left');
  });
});

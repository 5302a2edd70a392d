/**
 * Verifies: an answer without end ends where its request does, and is not collected in memory.
 * Setup: a real provider service whose scripted engine ignores the limit of tokens, and a real gateway; for the details the
 * reader of answers alone.
 * Fails if: a provider can fill a buyer's memory or keep its client waiting by writing on and on.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { answerBounds, ResponseReader } from '../../../main/core/gateway/response-reader.ts';
import { isAppError } from '../../../shared/errors.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { closeMarkets, OFFERED, setUp, turn } from './scripted-market.ts';

after(closeMarkets);

describe('an answer without end', () => {
  for (const stream of [true, false]) {
    it(`ends at the limit of the request as if the provider had stopped there (stream: ${stream})`, async () => {
      const { first, ask, assertIdle, gateway } = await setUp([OFFERED]);
      const answer = ask({ stream, max_tokens: 9 });
      const run = await first.engine.next();
      run.start(5);
      run.text('begin ', 0);
      for (let token = 1; token <= 60; token += 1) {
        run.text('x', token);
        await turn();
      }
      const text = await (await answer).text();
      assert.match(text, /"finish_reason":"length"/);
      if (stream) assert.match(text, /data: \[DONE\]/);
      assert.ok(text.split('"x').length <= 10, text);
      while (!run.signal.aborted) await turn();
      run.end('aborted');
      await assertIdle();
      assert.equal(gateway.jobs.all().length, 1, 'nobody is asked for a rest');
    });
  }
});

describe('the reader of an answer', () => {
  const asked = (more: object = {}) => ({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more });
  const chunk = (more: object) =>
    `data: ${JSON.stringify({ id: 'x', created: 1, model: 'm', choices: [], ...more })}\n\n`;

  /** Returns the number of pieces until the reader gives up; a stream of this event has no end. */
  async function readEndless(event: string, bounds: ReturnType<typeof answerBounds>): Promise<number> {
    const bytes = new TextEncoder().encode(event);
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(bytes) });
    const reader = new ResponseReader(body, {
      ...{ peer: 'p', bounds, requester: new AbortController().signal },
      ...{ onRead: () => undefined, onFirstPiece: () => undefined },
    });
    let pieces = 0;
    try {
      for (;;) pieces += (await reader.next()).pieces.length;
    } catch (error) {
      assert.ok(isAppError(error, 'engine-failed'), String(error));
      return pieces;
    }
  }

  it('takes no more tokens, of all choices, than were asked for', async () => {
    const bounds = answerBounds(readCompletion('chat', asked({ n: 2 })), 10);
    const event = chunk({ choices: [{ index: 0, delta: { content: 'a' }, token_ids: [7] }] });
    assert.equal(await readEndless(event, bounds), 20);
  });

  it('takes no more text than the tokens can have, without their IDs', async () => {
    const bounds = answerBounds(readCompletion('chat', asked()), 10);
    const event = chunk({ choices: [{ index: 0, delta: { content: 'a'.repeat(512) } }] });
    assert.equal(await readEndless(event, bounds), 10);
  });

  it('takes no more vectors than there are texts, and none for a text', async () => {
    assert.equal(await readEndless(chunk({ vectors: ['AAAA'] }), { tokensMax: 0, vectorsMax: 3 }), 3);
    const bounds = answerBounds(readCompletion('chat', asked()), 10);
    assert.equal(await readEndless(chunk({ vectors: ['AAAA'] }), bounds), 0);
  });
});

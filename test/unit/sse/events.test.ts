/**
 * Verifies: events are read whole however the network cuts them, and a stream is produced no faster than it is read.
 * Setup: random chunks (property); a reader that stops or disconnects.
 * Fails if: a receipt is lost at a chunk border, tokens that were not read are charged, a generator stays open after its
 * reader disconnected.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { eventStream, namedEvent, readEvents, type ServerEvent } from '../../../main/core/sse/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { RECEIPT_EVENT } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';

function bodyOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) if (chunk.length > 0) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function all(body: ReadableStream<Uint8Array>): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const batch of readEvents(body)) events.push(...batch);
  return events;
}

it('events are read whole, however they were cut (property)', async () => {
  const event = fc.record(
    {
      event: fc.option(fc.constantFrom('a', RECEIPT_EVENT)),
      data: fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text)),
    },
    { noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 8 }),
      fc.array(fc.nat(400), { maxLength: 12 }),
      fc.constantFrom('\n', '\r\n'),
      async (events, cuts, lineEnd) => {
        const text = events
          .map(({ event: name, data }) => (name === null ? `data: ${data}\n\n` : namedEvent(name, data)))
          .join(': a comment\n\n')
          .replaceAll('\n', lineEnd);
        const bytes = new TextEncoder().encode(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.slice(at[index], end));
        assert.deepEqual(await all(bodyOf(chunks)), events);
      },
    ),
  );
});

it('events without an end are rejected', async () => {
  const endless = bodyOf([new TextEncoder().encode(`data: ${'x'.repeat(300_000)}`)]);
  await assert.rejects(all(endless), (error) => isAppError(error, 'bad-request'));
});

function counting() {
  const seen = { made: 0, ended: false, gone: false };
  async function* source(): AsyncGenerator<string, void> {
    try {
      for (let index = 0; index < 5; index += 1) {
        seen.made += 1;
        yield `${index}`;
      }
    } finally {
      seen.ended = true;
    }
  }
  return { seen, source };
}

it('a stream makes a piece only after the last one was read', async () => {
  const { seen, source } = counting();
  const clock = manualClock(0);
  const stream = eventStream(source(), {
    clock,
    stallMs: 1_000,
    onGone: () => assert.fail('the reader is connected'),
  });
  const reader = stream.getReader();
  assert.equal(seen.made, 1);
  await reader.read();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(seen.made, 1, 'nothing is made in advance');
  await reader.read();
  assert.equal(seen.made, 2);
  while (!(await reader.read()).done);
  assert.deepEqual([seen.made, seen.ended], [5, true]);
});

it('a stream ends its source when the reader disconnects, even before the first read', async () => {
  for (const reads of [0, 1, 3]) {
    const { seen, source } = counting();
    const clock = manualClock(0);
    const stream = eventStream(source(), {
      clock,
      stallMs: 1_000,
      onGone: () => {
        seen.gone = true;
      },
    });
    const reader = stream.getReader();
    for (let index = 0; index < reads; index += 1) await reader.read();
    await reader.cancel();
    assert.deepEqual([seen.gone, seen.ended], [true, true]);
  }
});

it('a stream sends comments while its source is quiet, and loses no event', async () => {
  const clock = manualClock(0);
  const { promise: later, resolve } = Promise.withResolvers<string>();
  async function* source(): AsyncGenerator<string, void> {
    yield 'data: 1\n\n';
    yield await later;
  }
  const stream = eventStream(source(), {
    clock,
    stallMs: 100_000,
    quietMsMax: 1_000,
    onGone: () => assert.fail('the reader is connected'),
  });
  const reader = stream.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  assert.equal(await read(), 'data: 1\n\n');
  for (let seconds = 0; seconds < 3; seconds += 1) {
    const quiet = read();
    await new Promise((resolveTurn) => setImmediate(resolveTurn));
    clock.advance(1_000);
    assert.match(await quiet, /^: .*\n\n$/);
  }
  resolve('data: 2\n\n');
  assert.equal(await read(), 'data: 2\n\n');
  assert.equal((await reader.read()).done, true);
});

it('a stream ends when its reader reads nothing for too long', async () => {
  const { seen, source } = counting();
  const clock = manualClock(0);
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const stream = eventStream(source(), { clock, stallMs: 1_000, onGone: resolve });
  const reader = stream.getReader();
  await reader.read();
  clock.advance(999);
  assert.equal(seen.ended, false);
  clock.advance(1);
  await gone;
  await new Promise((resolveTurn) => setImmediate(resolveTurn));
  assert.equal(seen.ended, true);
  await assert.rejects(reader.read());
});

/**
 * Verifies: anything that an engine server sends becomes events of the engine port within bounds, or one failure that quotes
 *   nothing of it.
 * Setup: the real HTTP client on a server on loopback that a test scripts; the clock is set by hand.
 * Fails if: tokens are counted that can't have been written, a broken, endless, slow or foreign answer is taken for a good
 *   one, a redirect is followed, or the text of the server ends up in an error.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { type AnsweringModel, answerAt } from '../../../main/core/engine-servers/answer.ts';
import { createTokenCount } from '../../../main/core/engine-servers/token-count.ts';
import type { GenerateEvent, GenerateRequest } from '../../../main/ports/engine.ts';
import { promptTokensMax } from '../../../shared/asked.ts';
import { type AppError, isAppError } from '../../../shared/errors.ts';
import { CHAT_PATH, EMBEDDINGS_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import {
  type Answer,
  finish,
  json,
  piece,
  startTestServer,
  stream,
  type TestServer,
  usageEvent,
} from './hostile-server.ts';

const SECRET = 'the private words of a buyer';
const MODEL: AnsweringModel = {
  ...{ kind: 'other', name: 'served', answersAs: null, contextTokens: 2_048, eventsAreTokens: true },
};
const REQUEST: GenerateRequest = {
  prompt: { kind: 'chat', messages: [{ role: 'user', content: SECRET }] },
  ...{ maxTokens: 16, temperature: 0.5, topP: 1, seed: null, stop: [] },
};

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

interface Options {
  readonly model?: Partial<AnsweringModel>;
  readonly request?: Partial<GenerateRequest>;
  readonly signal?: AbortSignal;
  readonly onEvents?: (events: readonly GenerateEvent[]) => void;
}

async function ask(
  answer: Answer,
  { model, request, signal, onEvents }: Options = {},
): Promise<GenerateEvent[]> {
  server.answers[CHAT_PATH] = answer;
  const clock = manualClock(0);
  const connection = server.connect();
  const parts = { connection, clock, model: { ...MODEL, ...model } };
  const events: GenerateEvent[] = [];
  try {
    for await (const batch of answerAt(
      parts,
      { ...REQUEST, ...request },
      signal ?? new AbortController().signal,
    )) {
      events.push(...batch);
      onEvents?.(batch);
    }
    return events;
  } finally {
    connection.close();
  }
}

async function failureOf(answer: Answer, options: Options = {}): Promise<AppError> {
  const error = await ask(answer, options).then(
    () => assert.fail('it did not fail'),
    (caught: unknown) => caught,
  );
  assert.ok(isAppError(error), String(error));
  assert.ok(!JSON.stringify([error.message, error.details]).includes(SECRET), 'it quotes nothing');
  return error;
}

const textOf = (events: readonly GenerateEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');
const tokensOf = (events: readonly GenerateEvent[]) =>
  events.flatMap((event) => (event.type === 'text' ? event.tokens : [])).length;
function endOf(events: readonly GenerateEvent[]) {
  const end = events.at(-1);
  assert.ok(end?.type === 'end');
  return end;
}

describe('counts', () => {
  test('uses the usage at the end, and announces the prompt again with the exact count', async () => {
    const events = await ask(stream([piece('Hello'), piece(' there, you'), finish(), usageEvent(9, 5)]));
    assert.equal(textOf(events), 'Hello there, you');
    const starts = events.flatMap((event) => (event.type === 'start' ? [event.inputTokens] : []));
    assert.deepEqual(starts, [Math.floor(SECRET.length / 8), 9]);
    const { inputTokens, outputTokens, reason } = endOf(events);
    assert.deepEqual([inputTokens, outputTokens, tokensOf(events), reason], [9, 5, 5, 'stop']);
  });

  test('never believes more tokens than bytes, nor more than were asked for', async () => {
    const inflated = await ask(stream([piece('ab'), finish(), usageEvent(1_000_000, 1_000)]));
    assert.equal(tokensOf(inflated), 2 + 4);
    assert.equal(endOf(inflated).inputTokens, promptTokensMax(REQUEST));
    const long = await ask(stream([piece('a'.repeat(500)), finish('length'), usageEvent(9, 400)]));
    assert.equal(tokensOf(long), REQUEST.maxTokens);
  });

  test('counts no events as tokens for a server that splits tokens', async () => {
    const events = await ask(stream([piece('a'), piece('b'), piece('c'), finish(), usageEvent(9, 1)]), {
      model: { eventsAreTokens: false },
    });
    assert.equal(tokensOf(events), 1);
  });

  test('takes the running counts of llama-server', async () => {
    const timings = (predicted: number) => ({
      timings: { prompt_n: 5, cache_n: 2, predicted_n: predicted, prompt_ms: 1, predicted_ms: 2 },
    });
    const events = await ask(
      stream([piece('one two', timings(2)), piece(' three four', timings(4)), finish()]),
      {
        model: { kind: 'llama-server' },
      },
    );
    assert.deepEqual([tokensOf(events), endOf(events).inputTokens], [4, 7]);
    assert.deepEqual([endOf(events).prefillMs, endOf(events).decodeMs], [1, 2]);
  });

  test('never exceeds what a buyer accepts, whatever the server reports', () => {
    const counts = fc.record({
      inputTokens: fc.nat(1e9),
      outputTokens: fc.nat(1e9),
      cachedTokens: fc.constant(null),
    });
    const step = fc.tuple(fc.string({ maxLength: 12 }), fc.option(counts));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, eventsAreTokens) => {
        const count = createTokenCount(REQUEST, { eventsAreTokens });
        let tokens = 0;
        for (const [text, reported] of steps) tokens += count.add({ text, tokens: [] }, reported);
        tokens += count.finish();
        const bytes = Buffer.byteLength(steps.map(([text]) => text).join(''));
        assert.equal(tokens, count.output);
        assert.ok(tokens <= Math.min(REQUEST.maxTokens, bytes + 16));
        assert.ok(count.input() > 0 || count.reportedInput === 0);
        assert.ok(count.input() <= promptTokensMax(REQUEST));
      }),
    );
  });
});

const NO_ANSWER = ['engine-failed', 'The engine sent something other than an answer.'];
const BAD_ANSWERS: Record<string, { answer: Answer; is: readonly string[]; options?: Options }> = {
  'an event that is no answer': { answer: stream([{ hello: SECRET }]), is: NO_ANSWER },
  'an error in the middle': { answer: stream([piece('a'), { error: { message: SECRET } }]), is: NO_ANSWER },
  'an event that is no JSON': {
    answer: stream([], `data: {"choices": ${SECRET}\n\n`),
    is: ['engine-failed', 'The engine sent something other than JSON.'],
  },
  'deeply nested JSON': {
    answer: stream([], `data: ${'['.repeat(5_000)}\n\n`),
    is: ['engine-failed', 'The engine sent something other than JSON.'],
  },
  'an answer without an end': {
    answer: stream([piece('a')], ''),
    is: ['engine-failed', 'The engine broke off its answer.'],
  },
  'JSON instead of a stream': {
    answer: json({ choices: [] }),
    is: ['engine-failed', 'The engine sent something other than a stream.'],
  },
  'another model': {
    answer: stream([piece('a', { model: 'other' }), finish()]),
    is: ['engine-failed', 'The engine answered with another model.'],
    options: { model: { answersAs: 'served' } },
  },
  'more than any answer has': {
    answer: stream([piece('a'.repeat(200_000)), piece('a'.repeat(200_000)), piece('a'.repeat(200_000))]),
    is: ['engine-failed', 'The engine sent more than it should.'],
  },
  'a wrong key': { answer: json({}, 401), is: ['engine-failed', 'The engine requires another key.'] },
  'a refusal': {
    answer: json({ error: { message: SECRET } }, 400),
    is: ['bad-request', 'The engine of this provider refuses this request.'],
  },
  'a failure': { answer: json({ error: SECRET }, 500), is: ['engine-failed', 'The engine failed.'] },
  'a model that is gone': {
    answer: json({}, 404),
    is: ['model-unavailable', 'The engine doesn’t have this model any more.'],
  },
};

describe('bad answers', () => {
  for (const [name, { answer, is, options }] of Object.entries(BAD_ANSWERS)) {
    test(`fails for ${name}`, async () => {
      const { code, message } = await failureOf(answer, options);
      assert.deepEqual([code, message], is);
    });
  }
});

describe('refusals', () => {
  test('follows no redirect', async () => {
    const other = await startTestServer({ [CHAT_PATH]: stream([piece('stolen'), finish()]) });
    try {
      const { code } = await failureOf((_request, response) => {
        response.writeHead(307, { location: `${other.url}${CHAT_PATH}` });
        response.end();
      });
      assert.equal(code, 'engine-failed');
      assert.deepEqual(other.received, []);
    } finally {
      await other.close();
    }
  });

  test('recognizes a prompt that is too long in the words of each server', async () => {
    const bodies = [
      { error: { type: 'exceed_context_size_error', n_prompt_tokens: 5_000 } },
      { error: { code: 'context_length_exceeded' } },
      { error: { message: `This model’s maximum context length is 4096 tokens. ${SECRET}` } },
    ];
    for (const body of bodies) {
      const { code, details } = await failureOf(json(body, 400));
      assert.deepEqual([code, details.contextTokens], ['context-exceeded', 2_048]);
    }
  });

  test('refuses by bytes what a server would cut silently, before it is sent', async () => {
    const messages = [{ role: 'user' as const, content: 'a'.repeat(2_000) }];
    const request = { prompt: { kind: 'chat' as const, messages } };
    const { code } = await failureOf(stream([]), { request, model: { kind: 'ollama' } });
    assert.equal(code, 'context-exceeded');
    assert.deepEqual(server.received, []);
  });

  test('reads no further than the limit of tokens', async () => {
    let sent = 0;
    const events = await ask((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = () => {
        if (response.destroyed) return;
        response.write(`data: ${JSON.stringify(piece('a '))}\n\n`);
        sent += 1;
        setImmediate(more);
      };
      more();
    });
    assert.deepEqual([endOf(events).reason, tokensOf(events)], ['length', REQUEST.maxTokens]);
    await server.left;
    assert.ok(sent > 0);
  });
});

describe('time', () => {
  test('gives up a server that sends nothing, and one that stops sending', async () => {
    for (const [first, waitMs] of [
      [[], 150_000],
      [[piece('a')], 60_000],
    ] as const) {
      const clock = manualClock(0);
      const arrived = Promise.withResolvers<void>();
      server.answers[CHAT_PATH] = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        for (const event of first) response.write(`data: ${JSON.stringify(event)}\n\n`);
        if (first.length === 0) arrived.resolve();
      };
      const connection = server.connect();
      const reading = (async () => {
        const parts = { connection, clock, model: MODEL };
        for await (const _ of answerAt(parts, REQUEST, new AbortController().signal)) arrived.resolve();
      })();
      const failing = assert.rejects(reading, (error) => isAppError(error, 'engine-failed'));
      await arrived.promise;
      clock.advance(waitMs);
      await failing;
      connection.close();
    }
  });

  test('an abort closes the connection and ends with what was counted', async () => {
    const controller = new AbortController();
    const events = await ask(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(piece('Hello'))}\n\n`);
      },
      {
        signal: controller.signal,
        onEvents: (batch) => {
          if (batch.some(({ type }) => type === 'text')) controller.abort();
        },
      },
    );
    await server.left;
    assert.deepEqual([endOf(events).reason, endOf(events).outputTokens, tokensOf(events)], ['aborted', 1, 1]);
  });
});

describe('requests', () => {
  test('says what each server needs to keep buyers apart, and sends the key', async () => {
    const bodies: Record<string, Record<string, unknown>> = {};
    for (const kind of ['llama-server', 'vllm', 'ollama', 'other'] as const) {
      await ask(stream([piece('a'), finish(), usageEvent(1, 1)]), {
        model: { kind, contextTokens: 4_096 },
        request: { requester: 'first' },
      });
      bodies[kind] = server.received.at(-1)?.body ?? {};
    }
    assert.equal(bodies['llama-server']?.cache_prompt, false);
    assert.equal(bodies.vllm?.cache_salt, 'first');
    for (const kind of ['ollama', 'other']) {
      assert.deepEqual(Object.keys(bodies[kind] ?? {}).sort(), [
        ...['max_tokens', 'messages', 'model', 'stream', 'stream_options', 'temperature', 'top_p'],
      ]);
    }
  });

  test('takes vectors in the order of their texts', async () => {
    server.answers[EMBEDDINGS_PATH] = json({
      data: [
        { index: 1, embedding: [0.5] },
        { index: 0, embedding: [1, -2] },
      ],
      usage: { prompt_tokens: 4 },
    });
    const events = await ask(json({}), {
      request: { prompt: { kind: 'embed', texts: ['first', 'second'] }, maxTokens: 0 },
    });
    const vectors = events.flatMap((event) => (event.type === 'vectors' ? event.vectors : []));
    const numbers = vectors.map((text) => [
      ...new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer),
    ]);
    assert.deepEqual(numbers, [[1, -2], [0.5]]);
    assert.deepEqual([endOf(events).inputTokens, endOf(events).outputTokens], [4, 0]);
  });
});

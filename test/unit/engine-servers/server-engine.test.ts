/**
 * Verifies: an engine server is loaded, tried, served, handed back and lost like an engine, and the chooser gives the machine
 *   to one engine at a time.
 * Setup: the engine for servers, with the real HTTP client, on a server on loopback that a test scripts; the chooser on two
 *   fake engines.
 * Fails if: a server that is down blocks or is given up, a model is sold without counts or with features that it doesn't
 *   show, a running request outlives a hand-back, Ollama isn't asked to unload, or two engines hold a model.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { chooseEngine, createServerEngine } from '../../../main/core/engine-servers/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest } from '../../../main/ports/engine.ts';
import { isEngineServerModel } from '../../../shared/engine-servers.ts';
import { isAppError } from '../../../shared/errors.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, MODELS_PATH } from '../../../shared/wire.ts';
import { createFakeEngine, FAKE_LOAD, FAKE_MODEL } from '../../fakes/engine.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import {
  type Answer,
  finish,
  json,
  piece,
  type Received,
  startTestServer,
  stream,
  type TestServer,
  usageEvent,
} from './hostile-server.ts';

const FILE = { id: 'ollama/some-model', path: 'ollama/some-model', sha256: 'a'.repeat(64) };
const NEVER = new AbortController().signal;
const REQUEST: GenerateRequest = {
  prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
  ...{ maxTokens: 64, temperature: 0, topP: 1, seed: null, stop: [] },
};

/** Answers like a model that can call tools and write JSON; everything but the trial's requests streams without end. */
const abilities: Answer = (request, response) => {
  const { body } = request as Received & {
    body: { tools?: unknown; response_format?: unknown; logprobs?: unknown };
  };
  const call = { index: 0, id: 'c', function: { name: 'report_weather', arguments: '{}' } };
  const text = body.response_format ? '{"river":true}' : 'A river runs.';
  const event = body.tools
    ? { choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] }
    : piece(text, { model: 'some-model' });
  stream([event, finish(body.tools ? 'tool_calls' : 'stop'), usageEvent(5, 4)])(request, response);
};
const endless: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(piece('Hello', { model: 'some-model' }))}\n\n`);
};
const OLLAMA: Record<string, Answer> = {
  [MODELS_PATH]: json({ data: [{ id: 'some-model' }] }),
  '/api/version': json({ version: '1' }),
  '/api/ps': json({ models: [{ name: 'some-model', context_length: 4_096 }] }),
  '/api/generate': json({ done: true }),
  [CHAT_PATH]: abilities,
};

let server: TestServer;
let engine: Engine;
let problems: string[];
let isRemoved: boolean;

beforeEach(async () => {
  server = await startTestServer({ ...OLLAMA });
  problems = [];
  isRemoved = false;
  engine = createServerEngine({
    find: (id) =>
      isRemoved
        ? null
        : {
            ...{ id, name: 'some-model', connect: () => server.connect(), onTried: () => undefined },
            onProblem: (problem) => void problems.push(problem),
          },
    clock: systemClock,
    log: createRecordingLog(),
    restartBaseMs: 5,
  });
});
afterEach(async () => {
  await engine.stop();
  await server.close();
});

function reached(of: Engine, state: EngineStatus['state']): Promise<void> {
  return new Promise((resolve) => {
    const stop = of.onStatus((status) => {
      if (status.state !== state) return;
      stop();
      resolve();
    });
  });
}

async function read(events: AsyncIterable<GenerateEvent>, onText: () => void = () => undefined) {
  const all: GenerateEvent[] = [];
  for await (const event of events) {
    all.push(event);
    if (event.type === 'text') onText();
  }
  return all;
}

describe('loading', () => {
  test('offers what the model has shown', async () => {
    const { features, contextTokens, backend, sequences } = await engine.load(FILE, FAKE_LOAD);
    assert.deepEqual([...(features ?? [])].sort(), ['json', 'tools']);
    assert.deepEqual([contextTokens, backend, sequences], [4_096, 'ollama', 1]);
  });

  test('tries a model once, also over a hand-back', async () => {
    await engine.load(FILE, FAKE_LOAD);
    const tried = server.received.length;
    await engine.handBack();
    await engine.load(FILE, FAKE_LOAD);
    const again = server.received.slice(tried).map(({ path }) => path);
    assert.ok(!again.includes(CHAT_PATH), again.join(' '));
  });

  test('refuses a model without counts, with the reason', async () => {
    server.answers[CHAT_PATH] = stream([piece('Hello'), finish()]);
    await assert.rejects(engine.load(FILE, FAKE_LOAD), (error) => isAppError(error, 'model-unavailable'));
    assert.match(problems.join(), /usage/);
    assert.equal(engine.status().state, 'stopped');
  });

  test('takes a model that only makes vectors', async () => {
    server.answers[CHAT_PATH] = json({ error: {} }, 400);
    server.answers[EMBEDDINGS_PATH] = json({ data: [{ embedding: [1] }], usage: { prompt_tokens: 3 } });
    assert.deepEqual((await engine.load(FILE, FAKE_LOAD)).features, ['embeddings']);
  });

  test('does not wait for a server that is down, and serves as soon as it is up', async () => {
    server.answers[MODELS_PATH] = json({ error: 'loading' }, 503);
    await assert.rejects(engine.load(FILE, FAKE_LOAD), (error) => isAppError(error, 'model-unavailable'));
    assert.equal(engine.status().state, 'restarting');
    const ready = reached(engine, 'ready');
    server.answers[MODELS_PATH] = json({ data: [{ id: 'some-model' }] });
    await ready;
  });

  test('stops trying when the owner returns', async () => {
    server.answers[MODELS_PATH] = json({}, 503);
    await assert.rejects(engine.load(FILE, FAKE_LOAD));
    assert.equal(await engine.handBack(), null);
    assert.equal(engine.status().state, 'stopped');
  });
});

describe('serving', () => {
  test('a hand-back closes the request and asks Ollama to unload', async () => {
    await engine.load(FILE, FAKE_LOAD);
    server.answers[CHAT_PATH] = endless;
    const unloading = new Promise<Received>((resolve) => {
      server.answers['/api/generate'] = (request, response) => {
        resolve(request);
        json({ done: true })(request, response);
      };
    });
    let given: ReturnType<Engine['handBack']> | null = null;
    const events = await read(engine.generate(REQUEST, NEVER), () => {
      given ??= engine.handBack();
    });
    const end = events.at(-1);
    assert.ok(end?.type === 'end' && end.reason === 'aborted' && end.outputTokens === 1);
    assert.equal((await (given as ReturnType<Engine['handBack']> | null))?.how, 'cancelled');
    await server.left;
    assert.deepEqual((await unloading).body, { model: 'some-model', keep_alive: 0 });
  });

  test('a removed server gets no further prompt', async () => {
    await engine.load(FILE, FAKE_LOAD);
    const before = server.received.length;
    isRemoved = true;
    await assert.rejects(read(engine.generate(REQUEST, NEVER)), (error) =>
      isAppError(error, 'engine-failed'),
    );
    assert.ok(!server.received.slice(before).some(({ path }) => path === CHAT_PATH));
  });

  test('a server that no longer has the model is left until it has it again', async () => {
    await engine.load(FILE, FAKE_LOAD);
    const restarting = reached(engine, 'restarting');
    server.answers[CHAT_PATH] = json({}, 500);
    server.answers[MODELS_PATH] = json({ data: [{ id: 'another' }] });
    await assert.rejects(read(engine.generate(REQUEST, NEVER)), (error) =>
      isAppError(error, 'engine-failed'),
    );
    await restarting;
    const ready = reached(engine, 'ready');
    server.answers[MODELS_PATH] = OLLAMA[MODELS_PATH] as Answer;
    await ready;
  });

  test('rests between two answers while the machine is throttled', async () => {
    await engine.load(FILE, FAKE_LOAD);
    server.answers[CHAT_PATH] = (request, response) => setTimeout(() => abilities(request, response), 100);
    engine.setDuty(50);
    await read(engine.generate(REQUEST, NEVER));
    const restingMs = performance.now();
    await read(engine.generate(REQUEST, NEVER));
    // The second answer takes 100 ms itself.
    assert.ok(performance.now() - restingMs >= 190, `${performance.now() - restingMs} ms`);
  });
});

test('the chooser unloads one engine before it loads the other', async () => {
  const own = createFakeEngine();
  const servers = createFakeEngine();
  const chosen = chooseEngine({ own, servers, isOfServer: ({ id }) => isEngineServerModel(id) });
  const seen: string[] = [];
  chosen.onStatus(({ state }) => seen.push(state));
  await chosen.load(FAKE_MODEL, FAKE_LOAD);
  assert.deepEqual([own.status().state, servers.status().state], ['ready', 'stopped']);
  await chosen.load(FILE, FAKE_LOAD);
  assert.deepEqual(
    [own.status().state, servers.status().state, chosen.status().state],
    ['stopped', 'ready', 'ready'],
  );
  // The end of the other engine is no end of this one.
  assert.ok(!seen.includes('stopped'), seen.join(' '));
  await chosen.handBack();
  assert.equal(servers.status().state, 'stopped');
});

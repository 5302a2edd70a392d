/**
 * Verifies: any answer of a Horde's server becomes a job within bounds, or one named failure.
 * Setup: the real client and the real fetch against a server on loopback that follows the recorded shapes; the clock is set
 *   by hand.
 * Fails if: a code of the server is taken for another one, a malformed answer throws or passes for a job, the key follows a
 *   redirect, or a server that never answers is waited for without end.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { createHordeServer } from '../../../main/adapters/horde/index.ts';
import type { HordeCause, HordePopAnswer, HordeServer } from '../../../main/ports/horde.ts';
import { manualClock } from '../../fakes/clock.ts';
import {
  ANONYMOUS_KEY,
  type FakeHorde,
  HORDE_KEY,
  hordeJob,
  POP,
  REWARD,
  reply,
  SUBMIT,
  startFakeHorde,
  WORKER,
} from '../../fakes/horde-server.ts';

const NEVER = new AbortController().signal;
const REQUEST = {
  workerName: 'Idlewatt test',
  models: ['SmolLM2-135M-Instruct'],
  answerTokensMax: 64,
  contextTokensMax: 1_024,
  nsfw: false,
};

let horde: FakeHorde;
let clock: ReturnType<typeof manualClock>;
beforeEach(async () => {
  horde = await startFakeHorde();
  clock = manualClock(0);
});
afterEach(() => horde.close());

function connect(key = HORDE_KEY): HordeServer {
  return createHordeServer({ url: horde.url, key, fetch, clock });
}

function causeOf(answer: HordePopAnswer): HordeCause {
  assert.equal(answer.kind, 'failed');
  return answer.kind === 'failed' ? answer.cause : assert.fail();
}

test('asks in the recorded shape, under its own name, and reads a job', async () => {
  horde.queue.push(hordeJob('job-1', 'SmolLM2-135M-Instruct'));
  const answer = await connect().pop(REQUEST, NEVER);
  assert.equal(answer.kind, 'job');
  if (answer.kind !== 'job') return;
  assert.deepEqual(
    { ...answer.job, prompt: '' },
    {
      ...{ id: 'job-1', model: 'SmolLM2-135M-Instruct', ttlMs: 150_000, prompt: '', answerTokens: 32 },
      ...{ temperature: 0.7, topP: 0.9, topK: 40, minP: 0.05, repeatPenalty: 1.1, stop: ['\n\n'] },
    },
  );
  const [sent] = horde.to(POP);
  assert.match(String(sent?.body.bridge_agent), /^Idlewatt:\d+\.\d+\.\d+:/);
  assert.equal(sent?.headers.apikey, HORDE_KEY);
  const { name, models, max_length, max_context_length, nsfw, amount } = sent?.body ?? {};
  assert.deepEqual(
    { name, models, max_length, max_context_length, nsfw, amount },
    {
      name: 'Idlewatt test',
      models: REQUEST.models,
      max_length: 64,
      max_context_length: 1_024,
      nsfw: false,
      amount: 1,
    },
  );
});

test('reads what was passed over, and leaves out what is no count', async () => {
  horde.skipped = { models: 3, nsfw: 'many', performance: -1, max_length: 0, kudos: 1.5 };
  assert.deepEqual(await connect().pop(REQUEST, NEVER), { kind: 'none', skipped: { models: 3 } });
});

describe('refusals of a pop', () => {
  const refusals: [name: string, status: number, rc: string, cause: HordeCause][] = [
    ['a key that nobody has', 401, 'InvalidAPIKey', 'key-refused'],
    ['the anonymous account', 403, 'AnonForbiddenWorker', 'anonymous'],
    ['maintenance', 403, 'WorkerMaintenance', 'maintenance'],
    ['an address of a VPN', 403, 'UnsafeIP', 'refused'],
    ['a name with a refused word', 400, 'BadRequest', 'refused'],
    ['too many requests', 429, 'TooManyPrompts', 'limited'],
    ['a failure of the server', 500, '', 'unreachable'],
    ['a server that is down for work', 503, 'MaintenanceMode', 'unreachable'],
    ['a code with the name of a method', 403, 'constructor', 'refused'],
  ];
  for (const [name, status, rc, cause] of refusals) {
    test(name, async () => {
      horde.override(POP, reply(status, { message: 'Why\nit\u0007is so', rc }));
      const answer = await connect().pop(REQUEST, NEVER);
      assert.deepEqual(answer, { kind: 'failed', cause, message: 'Why it is so', retryAfterMs: null });
    });
  }

  test('by the server itself, for wrong keys', async () => {
    assert.equal(causeOf(await connect('wrong').pop(REQUEST, NEVER)), 'key-refused');
    assert.equal(causeOf(await connect(ANONYMOUS_KEY).pop(REQUEST, NEVER)), 'anonymous');
    assert.equal(causeOf(await connect().pop({ ...REQUEST, models: [] }, NEVER)), 'refused');
  });

  test('names the time that the server asks to wait, up to an hour', async () => {
    for (const [header, expected] of [
      ['7', 7_000],
      ['999999', 3_600_000],
      ['soon', null],
    ] as const) {
      horde.override(POP, reply(429, {}, { 'retry-after': header }));
      const answer = await connect().pop(REQUEST, NEVER);
      assert.equal(answer.kind === 'failed' && answer.retryAfterMs, expected);
    }
  });
});

describe('answers in other shapes', () => {
  const absurd: [name: string, job: object][] = [
    ['no prompt', hordeJob('absurd', 'm', { prompt: null })],
    ['an endless answer', hordeJob('absurd', 'm', { max_length: 1e9 })],
    ['a negative answer', hordeJob('absurd', 'm', { max_length: -1 })],
    ['no time', hordeJob('absurd', 'm', {}, { ttl: 0 })],
    ['a week', hordeJob('absurd', 'm', {}, { ttl: 604_800 })],
    ['a temperature of a star', hordeJob('absurd', 'm', { temperature: 6_000 })],
    ['ten thousand stops', hordeJob('absurd', 'm', { stop_sequence: Array(10_000).fill('.') })],
    ['a payload without content', { id: 'absurd', payload: [] }],
  ];
  for (const [name, job] of absurd) {
    test(`a job with ${name} is known by its ID only`, async () => {
      horde.override(POP, reply(200, job));
      assert.deepEqual(await connect().pop(REQUEST, NEVER), { kind: 'unreadable', id: 'absurd' });
    });
  }

  const changed: [name: string, body: unknown][] = [
    ['nothing', ''],
    ['a page', '<html>'],
    ['a list', []],
    ['text', '"ok"'],
    ['an ID with a path', { id: '../../workers', payload: {} }],
    ['JSON without end', `${'['.repeat(200)}${']'.repeat(200)}`],
    ['more than it should', `"${'x'.repeat(5 * 1024 * 1024)}"`],
    ['a length that throws', { id: { length: { toString: null } } }],
  ];
  for (const [name, body] of changed) {
    test(`${name} is malformed`, async () => {
      horde.override(POP, reply(200, body));
      assert.equal(causeOf(await connect().pop(REQUEST, NEVER)), 'malformed');
    });
  }

  test('any JSON becomes an answer of the port', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json(),
        fc.constantFrom(200, 400, 401, 403, 404, 418, 429, 500),
        async (body, status) => {
          horde.override(POP, reply(status, body));
          const { kind } = await connect().pop(REQUEST, NEVER);
          assert.ok(['job', 'unreadable', 'none', 'failed'].includes(kind));
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('a redirect isn’t followed: the key would go along', async () => {
  horde.override(POP, reply(307, {}, { location: `${horde.url}/elsewhere` }));
  assert.equal(causeOf(await connect().pop(REQUEST, NEVER)), 'unreachable');
  assert.deepEqual(horde.to('/elsewhere'), []);
});

test('a server that never answers is given up after a while; one that is gone immediately', async () => {
  horde.override(POP, () => undefined);
  const asked = connect().pop(REQUEST, NEVER);
  await horde.answered(POP, 1);
  clock.advance(20_000);
  assert.equal(causeOf(await asked), 'unreachable');
  const server = connect();
  await horde.close();
  assert.equal(causeOf(await server.pop(REQUEST, NEVER)), 'unreachable');
  horde = await startFakeHorde();
});

test('an abort of the caller ends the call', async () => {
  horde.override(POP, () => undefined);
  const stopping = new AbortController();
  const asked = connect().pop(REQUEST, stopping.signal);
  await horde.answered(POP, 1);
  stopping.abort();
  await assert.rejects(asked, { name: 'AbortError' });
});

test('submits answers and drops, and tells a repeat from a loss', async () => {
  horde.queue.push(hordeJob('a', 'm'), hordeJob('b', 'm'));
  const server = connect();
  await server.pop(REQUEST, NEVER);
  await server.pop(REQUEST, NEVER);
  const ok = { state: 'ok', text: 'there was', seed: 7 } as const;
  assert.deepEqual(await server.submit('a', ok, NEVER), { kind: 'taken', reward: REWARD });
  const failed = async (id: string) => {
    const answer = await server.submit(id, ok, NEVER);
    return answer.kind === 'failed' ? answer.cause : null;
  };
  assert.equal(await failed('a'), 'duplicate');
  assert.deepEqual(await server.submit('b', { state: 'faulted' }, NEVER), { kind: 'taken', reward: 0 });
  assert.equal(await failed('b'), 'gone');
  assert.equal(await failed('unknown'), 'gone');
  for (const reward of [-1, 1e30, '5', null]) {
    horde.override(SUBMIT, reply(200, { reward }));
    assert.equal(await failed('a'), 'malformed', String(reward));
  }
  const [first] = horde.to(SUBMIT);
  assert.deepEqual(first?.body, { id: 'a', generation: 'there was', state: 'ok', seed: 7, gen_metadata: [] });
});

test('pauses its worker with a message and ends that', async () => {
  const server = connect();
  assert.deepEqual(await server.setMaintenance('Idlewatt test', 'On battery.', NEVER), { kind: 'done' });
  assert.equal(horde.maintenance, 'On battery.');
  assert.equal(causeOf(await server.pop(REQUEST, NEVER)), 'maintenance');
  assert.deepEqual(await server.setMaintenance('Idlewatt test', null, NEVER), { kind: 'done' });
  assert.equal(horde.maintenance, null);
  // The ID is asked for once.
  assert.equal(horde.to('/api/v2/workers/name/Idlewatt test').length, 1);
  horde.override(WORKER, reply(404, { rc: 'WorkerNotFound' }));
  const answer = await server.setMaintenance('Idlewatt test', 'x', NEVER);
  assert.equal(answer.kind === 'failed' && answer.cause, 'gone');
});

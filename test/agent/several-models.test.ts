/**
 * Verifies: a chat model and an embedding model are sold at the same time, each from an engine process of its own; where
 *   the memory is for one only, a job unloads the other one; the owner's return frees both.
 * Setup: a real agent with the practice network that serves the bundled tiny model and two tiny files of the owner's, one of
 *   them for embeddings; the requester buys with the official openai package.
 * Fails if: a job runs on the other model, a model that isn't loaded can't be bought, the limit keeps a model out for good,
 *   or a process keeps a model after the owner's return.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { descendants, eventually, startWithoutSources, temporaryHome } from './practice-agent.ts';

/** Two agents start, and models are loaded one after the other, each within seconds. */
const SLOW = { timeout: 4 * 60_000 };
const EMBEDDER = 'own-embedder';
/** By their estimates, each of the models takes 269 MB. */
const [ROOM_FOR_ONE, ROOM_FOR_TWO] = [400_000_000, 600_000_000];

const home = temporaryHome();
let agent: RunningAgent;
let api: AgentApi;
let client: OpenAI;
const closers: (() => void)[] = [];

before(async () => {
  prepareMeasuredHome(home.path);
  const own = join(homePaths(home.path).models, 'own');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'embedder.gguf'), buildTinyModel({ isEmbedding: true }));
  agent = await startWithoutSources(home.path);
  const { page, requester } = agent.ready;
  assert.ok(page && requester);
  const connected = await connectApi(page);
  closers.push(connected.close);
  api = connected.api;
  const { baseUrl: baseURL, key: apiKey } = requester.gateway;
  client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  await loaded(TINY_MODEL_ID);
}, SLOW);

after(async () => {
  for (const close of closers) close();
  await agent?.stop();
  home.remove();
});

/** Waits until exactly these models are in memory. */
function loaded(...models: string[]) {
  const isThat = (seen: readonly { readonly model: string; readonly state: string }[]) =>
    seen.length === models.length &&
    models.every((id) => seen.some(({ model, state }) => model === id && state === 'ready'));
  return waitForState(api, ({ work }) => isThat(work.loaded), { timeoutMs: 120_000 });
}

async function chat(): Promise<string> {
  const messages = [{ role: 'user' as const, content: 'The river' }];
  const answer = await client.chat.completions.create({ model: TINY_MODEL_ID, messages, max_tokens: 8 });
  return answer.choices[0]?.message.content ?? '';
}

async function embed(): Promise<number> {
  const { data } = await client.embeddings.create({ model: EMBEDDER, input: 'The river runs.' });
  return data[0]?.embedding.length ?? 0;
}

/** Models of the last sold jobs, the newest first. */
async function sold(limit: number) {
  return (await api.jobs.list({ side: 'sold', limit })).jobs.map(({ model }) => model);
}

const enginePids = () => descendants(agent.process.pid ?? assert.fail(), 'engine-process');

test(
  'a chat model and an embedding model are sold at the same time, each from its own process',
  SLOW,
  async () => {
    await api.settings.change({ modelMemoryBytesMax: ROOM_FOR_TWO });
    await assert.rejects(api.models.serveFurther({ id: 'qwen3-4b', isOn: true }));
    await api.models.serveFurther({ id: EMBEDDER, isOn: true });
    const { models } = await loaded(TINY_MODEL_ID, EMBEDDER);
    assert.deepEqual(
      models.models
        .filter(({ active, further }) => active || further)
        .map(({ id, active }) => [id, active])
        .toSorted(),
      [
        [TINY_MODEL_ID, true],
        [EMBEDDER, false],
      ],
    );
    const embedder = models.models.find(({ id }) => id === EMBEDDER);
    assert.deepEqual(embedder?.strengths, ['embedding'], 'the Models page lists it under that use');
    assert.equal(new Set(enginePids()).size, 2);
    await eventually('both models are offered', async () => {
      const offered = (await client.models.list()).data.map(({ id }) => id);
      return offered.includes(TINY_MODEL_ID) && offered.includes(EMBEDDER) ? true : null;
    });
    const [text, width] = await Promise.all([chat(), embed()]);
    assert.ok(text !== '' && width > 0);
    assert.deepEqual((await sold(2)).toSorted(), [TINY_MODEL_ID, EMBEDDER]);
  },
);

test('a job loads its model in place of the idle one if the memory is for one only', SLOW, async () => {
  await api.settings.change({ modelMemoryBytesMax: ROOM_FOR_ONE });
  await loaded(TINY_MODEL_ID);
  assert.equal(enginePids().length, 1, 'the process of the other one has ended');
  assert.ok((await embed()) > 0);
  await loaded(EMBEDDER);
  assert.ok((await chat()) !== '');
  await loaded(TINY_MODEL_ID);
  assert.deepEqual(await sold(2), [TINY_MODEL_ID, EMBEDDER]);
});

test('a pause frees both, and afterwards both are sold again', SLOW, async () => {
  await api.settings.change({ modelMemoryBytesMax: ROOM_FOR_TWO });
  await embed();
  await loaded(TINY_MODEL_ID, EMBEDDER);
  await api.presence.pause({ until: '30-minutes' });
  const { work } = await loaded();
  assert.equal(work.handBacks[0]?.reason, 'paused-by-owner');
  await api.presence.resume({});
  await loaded(TINY_MODEL_ID);
  assert.ok((await embed()) > 0);
  await loaded(TINY_MODEL_ID, EMBEDDER);
});

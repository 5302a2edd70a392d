/**
 * Verifies: a model of an engine server of the owner's is sold on the practice market like one of Idlewatt's own engine,
 *   and the owner's return or the server's death in the middle of an answer costs nobody more than what was delivered.
 * Setup: a real agent with the practice network, a real llama-server with the small real model as the owner's program,
 *   added by its address; the requester buys with the official openai package. There is a build for Linux on x64 only.
 * Fails if: an answer isn't paid by the server's own counts, a running request survives the owner's return, the agent
 *   doesn't recover with the server, or a removed server is still used.
 * Long: models are measured.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { findLlamaServer, type LlamaServer, startLlamaServer } from '../../scripts/bench/llama-server.ts';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { cacheFolder } from '../../scripts/lib/places.ts';
import { ON_PAUSE_HEADER } from '../../shared/wire.ts';
import { booked, eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const FILE = join(cacheFolder(), 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf');
const MODEL = 'llama-server/SmolLM2-135M-Instruct.Q4_1';
/** Two agents and a server start, and a model is downloaded where none is cached yet. */
const SLOW = { timeout: 4 * 60_000 };
const LONG = [{ role: 'user' as const, content: 'Tell a very long story about a lighthouse and the sea.' }];

const home = temporaryHome();
let practice: PracticeAgent;
let server: LlamaServer;
let port: number;
let client: OpenAI;

const HAS_BUILD = process.platform === 'linux' && process.arch === 'x64';

async function startServer(): Promise<LlamaServer> {
  const found = findLlamaServer();
  if ('reason' in found) throw new Error(found.reason);
  const size = { slots: 2, contextTokens: 2_048, threads: 1 };
  return startLlamaServer(found.folder, { modelPath: FILE, ...size, ...(port && { port }) });
}

function served(model: string) {
  return waitForState(
    practice.api,
    ({ work }) => work.model === model && work.engine === 'ready' && work.presence.decision === 'run',
    { timeoutMs: 150_000 },
  );
}

/** Resolves when the requester can buy the model. Asks once a second: a provider answers only so many free requests. */
async function offered(): Promise<OpenAI.Model> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { data } = await client.models.list();
    const listed = data.find(({ id }) => id === MODEL);
    if (listed !== undefined) return listed;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error('The model was not offered in time.');
}

async function lastJobs() {
  return eventually('both sides have ended the job, and a delivered one is charged', async () => {
    const [sold] = (await practice.api.jobs.list({ side: 'sold', limit: 1 })).jobs;
    const [bought] = (await practice.requester.jobs.list({ side: 'bought', limit: 1 })).jobs;
    if (!sold?.endedAtMs || !bought?.endedAtMs || sold.state === 'delivered') return null;
    return { sold, bought };
  });
}

/** Streams an answer and calls `midway` after five pieces; returns the pieces and the error, if any. */
async function stream(midway: () => Promise<unknown>) {
  let pieces = 0;
  let called: Promise<unknown> | null = null;
  try {
    const answer = await client.chat.completions.create(
      { model: MODEL, messages: LONG, max_tokens: 400, seed: 7, stream: true },
      { headers: { [ON_PAUSE_HEADER]: 'fail' } },
    );
    for await (const { choices } of answer) {
      if (!choices[0]?.delta.content) continue;
      pieces += 1;
      if (pieces === 5) called = midway();
    }
    return { pieces, error: null };
  } catch (error) {
    return { pieces, error };
  } finally {
    await called;
  }
}

async function ledgersAgree(): Promise<bigint> {
  return eventually('the two ledgers agree', async () => {
    const earned = -(await booked(practice.api, 'income:jobs'));
    return earned === (await booked(practice.requester, 'expense:inference')) ? earned : null;
  });
}

describe('an engine server on the practice market', { skip: !HAS_BUILD }, () => {
  before(async () => {
    practice = await startPractice(home.path, 'real');
    server = await startServer();
    port = Number(new URL(server.gateway.baseUrl).port);
    client = new OpenAI({ baseURL: practice.gateway.baseUrl, apiKey: practice.gateway.key, maxRetries: 0 });
  }, SLOW);
  after(async () => {
    await practice?.close();
    await server?.stop();
    home.remove();
  });

  test('is added by its address, and its model is offered with what it showed', SLOW, async () => {
    const { id } = await practice.api.engines.add({ url: server.gateway.baseUrl, key: null });
    assert.equal(id, 'llama-server');
    await practice.api.engines.serve({ id, model: FILE });
    const { models, work } = await served(MODEL);
    const [added] = models.engineServers;
    assert.deepEqual([added?.state, added?.isHere, added?.models[0]?.active], ['reachable', true, true]);
    assert.deepEqual([work.backend, work.threads, work.sandbox?.network], ['llama-server', null, 'foreign']);
    const listed = (await offered()) as OpenAI.Model & { features: string[]; context_length: number };
    assert.equal(listed.context_length, 2_048);
    assert.ok(
      listed.features.includes('json') && !listed.features.includes('tools'),
      String(listed.features),
    );
  });

  test('measures its speed like that of its own engine', SLOW, async () => {
    const { machine } = await waitForState(
      practice.api,
      ({ models, machine: { benchmark } }) =>
        benchmark.state === 'done' &&
        (models.engineServers[0]?.models[0]?.decodeTokensPerSecond ?? null) !== null,
      { timeoutMs: 200_000 },
    );
    const measured = machine.benchmark.measurements.filter(({ mode }) => mode === 'llama-server');
    assert.deepEqual([...new Set(measured.map(({ name }) => name))].sort(), ['decode', 'prefill']);
  });

  test('sells an answer that is paid by the counts of the server', SLOW, async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...{ model: MODEL, messages: [{ role: 'user', content: 'What is a river?' }], max_tokens: 24, seed: 3 },
    });
    assert.ok((choices[0]?.message.content ?? '').length > 10);
    const { sold, bought } = await lastJobs();
    assert.deepEqual([sold.state, bought.state], ['charged', 'charged']);
    assert.deepEqual([sold.inputTokens, sold.outputTokens], [usage?.prompt_tokens, usage?.completion_tokens]);
    assert.ok((usage?.completion_tokens ?? 0) > 0 && (usage?.completion_tokens ?? 99) <= 24);
    assert.ok(bought.receipt !== null && BigInt(bought.charged ?? 0) > 0n);
    assert.ok((await ledgersAgree()) > 0n);
  });

  testInterruptions();
});

/** The owner's return, the server's death, and its removal. */
function testInterruptions(): void {
  test('cancels its request when the owner returns, and only what was delivered is paid', SLOW, async () => {
    const { pieces, error } = await stream(() => practice.api.presence.pause({ until: 'resume' }));
    assert.ok(pieces >= 5 && error !== null, `${pieces} pieces, ${String(error)}`);
    const { sold } = await lastJobs();
    assert.equal(sold.state, 'aborted');
    assert.ok((sold.outputTokens ?? 0) > 0 && (sold.outputTokens ?? 400) < 400);
    await ledgersAgree();
    const { handBacks } = (
      await waitForState(practice.api, ({ work }) => work.handBacks.length > 0, { timeoutMs: 10_000 })
    ).work;
    assert.deepEqual([handBacks[0]?.how, handBacks[0]?.jobs], ['cancelled', 1]);
    assert.ok((handBacks[0]?.durationMs ?? 999) < 500, `${handBacks[0]?.durationMs} ms`);
    // The server notices the closed connection within a token or so.
    await eventually('the server is idle', async () => {
      const slots = (await (await fetch(`http://127.0.0.1:${port}/slots`)).json()) as {
        is_processing: boolean;
      }[];
      return slots.every(({ is_processing: isBusy }) => !isBusy) ? true : null;
    });
    await practice.api.presence.resume({});
    await served(MODEL);
  });

  test('survives the death of the server in mid-answer, and serves again with it', SLOW, async () => {
    await offered();
    const { pieces, error } = await stream(() => server.stop());
    assert.ok(pieces >= 5 && error !== null, `${pieces} pieces, ${String(error)}`);
    await waitForState(practice.api, ({ work }) => work.engine === 'restarting', { timeoutMs: 20_000 });
    const { sold } = await lastJobs();
    assert.deepEqual([sold.state, sold.error], ['failed', 'engine-failed']);
    await ledgersAgree();
    server = await startServer();
    await served(MODEL);
    await offered();
  });

  test('is used no more once it is removed', SLOW, async () => {
    await practice.api.engines.remove({ id: 'llama-server' });
    const state = await served('smollm2-135m-instruct');
    assert.deepEqual([state.models.engineServers, state.settings.engineServers], [[], []]);
  });
}

/**
 * Goal: an answer survives its provider's owner coming back, with everything real. Method: one practice chain,
 * two agents that sell the same model and a third that buys, each a process of its own with engine, libp2p and
 * x402; whoever answers is paused through its API in the middle of a stream of the official openai package.
 * What would break: an answer that ends with its first provider, a second part that does not fit the first, a
 * difference of one base unit between what the two earned and what the buyer spent.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { booked, eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const closers: (() => unknown)[] = [];
let practice: PracticeAgent;
let sellers: readonly AgentApi[];
let buyer: AgentApi;
let client: OpenAI;
let model: string;

before(async () => {
  practice = await startPractice(join(home.path, 'first'));
  const { peer, chain } = practice.agent.ready;
  const { rpcUrl } = chain ?? assert.fail('it has a chain');
  const start = async (name: string, connect: readonly string[], ...more: readonly string[]) => {
    const agent = await startAgent([
      ...['--headless', '--home', join(home.path, name), '--rpc', rpcUrl, '--quiet-requester', ...more],
      ...connect.flatMap((address) => ['--connect', address]),
    ]);
    closers.push(() => agent.stop());
    return agent;
  };
  const open = async ({ ready }: RunningAgent) => {
    const { api, close } = await connectApi(ready.page ?? assert.fail('it has a page'));
    closers.push(close);
    return api;
  };
  const address = (from: readonly string[]) => from[0] ?? assert.fail('it has an address');
  const second = await start('second', []);
  sellers = [practice.api, await open(second)];
  for (const api of sellers) {
    await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
      timeoutMs: 120_000,
    });
  }
  // Last, so that it finds both at once: a peer that sells nothing is asked again only now and then.
  const both = [address(peer.addresses), address(second.ready.peer.addresses)];
  const buying = await start('buyer', both, '--role', 'practice-requester');
  buyer = await open(buying);
  const gateway = buying.ready.gateway ?? assert.fail('it has a gateway');
  client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  model = await eventually('both sell the same model', async () => {
    const { data } = await client.models.list();
    const listed = data[0] as { id: string; providers?: number } | undefined;
    return listed?.providers === 2 ? listed.id : null;
  });
});

after(async () => {
  for (const close of closers.reverse()) await close();
  await practice?.close();
  home.remove();
});

const LONG = { role: 'user' as const, content: 'Tell a very long story about a lighthouse and the sea.' };

/** What each seller earned and the buyer spent, once they agree. */
function earnings(): Promise<readonly bigint[]> {
  return eventually('the books of the three agree', async () => {
    const earned = await Promise.all(sellers.map(async (api) => -(await booked(api, 'income:jobs'))));
    const spent = await booked(buyer, 'expense:inference');
    return earned.reduce((sum, each) => sum + each, 0n) === spent ? earned : null;
  });
}

/** Streams an answer and pauses whoever gives it after five pieces; tells which that was. */
async function askAndPause(onPause: string, then: (paused: AgentApi) => unknown = () => {}) {
  const stream = await client.chat.completions.create(
    {
      ...{ model, messages: [LONG], max_tokens: 150, seed: 7 },
      ...{ stream: true as const, stream_options: { include_usage: true } },
    },
    { headers: { 'Idlewatt-On-Pause': onPause } },
  );
  const heard = { ids: new Set<string>(), text: '', pieces: 0, finish: [] as string[] };
  let usage: OpenAI.CompletionUsage | null = null;
  let paused: AgentApi | null = null;
  for await (const chunk of stream) {
    heard.ids.add(chunk.id);
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (choice?.finish_reason) heard.finish.push(choice.finish_reason);
    if (!choice?.delta.content) continue;
    heard.text += choice.delta.content;
    heard.pieces += 1;
    if (heard.pieces !== 5) continue;
    for (const api of sellers) {
      const { jobs } = await api.jobs.list({ side: 'sold', limit: 1 });
      if (jobs[0]?.state !== 'running') continue;
      paused = api;
      await api.presence.pause({ until: 'resume' });
      await then(api);
    }
  }
  assert.ok(paused, 'one of the two was answering');
  return { ...heard, usage: usage ?? assert.fail('the usage came'), paused };
}

/** The last two bought jobs that delivered something, once they are booked, the earlier first. */
function lastTwoParts() {
  return eventually('both parts are booked', async () => {
    const { jobs } = await buyer.jobs.list({ side: 'bought', limit: 20 });
    const [later, earlier] = jobs.filter(({ outputTokens }) => (outputTokens ?? 0) > 0);
    const ended = jobs.every(({ endedAtMs }) => endedAtMs !== null);
    return ended && earlier && later ? { earlier, later } : null;
  });
}

// Two providers load a real model and compute whole responses, which takes minutes where the CPU is shared.
const SLOW = { timeout: 4 * 60_000 };

test('continues a paused response at the other provider; all ledgers agree', SLOW, async () => {
  const { ids, pieces, finish, usage, paused } = await askAndPause('elsewhere');
  assert.deepEqual([ids.size, finish.length], [1, 1], 'one answer with one end');
  assert.ok(pieces > 5);
  const { earlier, later } = await lastTwoParts();
  assert.notEqual(earlier.peer, later.peer);
  assert.deepEqual([earlier.error, earlier.continuedBy], ['paused', later.id]);
  assert.deepEqual([later.state, later.continues], ['charged', earlier.id]);
  for (const job of [earlier, later]) assert.ok(job.receipt !== null && BigInt(job.charged ?? 0) > 0n);
  const sum = (key: 'inputTokens' | 'outputTokens') => (earlier[key] ?? 0) + (later[key] ?? 0);
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [sum('inputTokens'), sum('outputTokens')]);
  assert.ok(usage.completion_tokens <= 150);
  // The second provider read the conversation and what had been said, and opened no new turn in between.
  const read = (later.inputTokens ?? 0) - (earlier.inputTokens ?? 0);
  assert.ok(read > 0 && read <= (earlier.outputTokens ?? 0), `${read} more tokens were read`);
  assert.ok(
    (await earnings()).every((each) => each > 0n),
    'both earned',
  );
  await paused.presence.resume({});
});

test('without another provider, continues at the same one once its owner has left', SLOW, async () => {
  const [first, second] = sellers;
  await waitForState(first ?? assert.fail(), ({ work }) => work.engine === 'ready', { timeoutMs: 60_000 });
  await second?.presence.pause({ until: 'resume' });
  let resumed: Promise<unknown> | null = null;
  const { finish, usage } = await askAndPause('wait;seconds=60', (paused) => {
    // Once the engine is gone, so that the answer surely was broken off.
    resumed = waitForState(paused, ({ work }) => work.engine === 'stopped', { timeoutMs: 20_000 }).then(() =>
      paused.presence.resume({}),
    );
  });
  await resumed;
  assert.equal(finish.length, 1);
  assert.ok(usage.completion_tokens <= 150);
  const { earlier, later } = await lastTwoParts();
  assert.deepEqual([earlier.error, later.continues, later.peer], ['paused', earlier.id, earlier.peer]);
  await earnings();
});

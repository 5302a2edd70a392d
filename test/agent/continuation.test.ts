/**
 * Verifies: a response continues when its provider's owner comes back, with everything real.
 * Setup: one practice chain, two agents that sell the same model and a third that buys, each a process of its own
 * with engine, libp2p and x402; the provider that responds is paused through its API in the middle of a stream of
 * the official openai package.
 * Fails if: a response ends with its first provider, its second part does not continue the first, the two providers'
 * earnings differ by one base unit from what the buyer spent.
 * Lab: a network of three agents with engines, whose owners come and go.
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
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { ON_PAUSE_HEADER } from '../../shared/wire.ts';
import { booked, eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const closers: (() => unknown)[] = [];
let practice: PracticeAgent;
let providers: readonly AgentApi[];
let buyer: AgentApi;
let client: OpenAI;
let model: string;

before(
  async () => {
    practice = await startPractice(join(home.path, 'first'), 'real');
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
    prepareMeasuredHome(join(home.path, 'second'));
    const second = await start('second', []);
    providers = [practice.api, await open(second)];
    for (const api of providers) {
      await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
        timeoutMs: 120_000,
      });
    }
    // Started last, so that it finds both immediately: a peer without an offer is queried again only occasionally.
    const both = [address(peer.addresses), address(second.ready.peer.addresses)];
    const buying = await start('buyer', both, '--practice-requester');
    buyer = await open(buying);
    const gateway = buying.ready.gateway ?? assert.fail('it has a gateway');
    client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
    model = await eventually('both sell the same model', async () => {
      const { data } = await client.models.list();
      const listed = data[0] as { id: string; providers?: number } | undefined;
      return listed?.providers === 2 ? listed.id : null;
    });
  },
  { timeout: 300_000 },
);

after(async () => {
  for (const close of closers.reverse()) await close();
  await practice?.close();
  home.remove();
});

const LONG = { role: 'user' as const, content: 'Tell a very long story about a lighthouse and the sea.' };

/** Returns the earnings of each provider, once their sum equals what the buyer spent. */
function earnings(): Promise<readonly bigint[]> {
  return eventually('the three ledgers agree', async () => {
    const earned = await Promise.all(providers.map(async (api) => -(await booked(api, 'income:jobs'))));
    const spent = await booked(buyer, 'expense:inference');
    return earned.reduce((sum, each) => sum + each, 0n) === spent ? earned : null;
  });
}

/** Streams a response and pauses its provider after five pieces; returns which provider that was. */
async function requestAndPause(onPause: string, then: (paused: AgentApi) => unknown = () => {}) {
  const stream = await client.chat.completions.create(
    {
      ...{ model, messages: [LONG], max_tokens: 150, seed: 7 },
      ...{ stream: true as const, stream_options: { include_usage: true } },
    },
    { headers: { [ON_PAUSE_HEADER]: onPause } },
  );
  const received = { ids: new Set<string>(), text: '', pieces: 0, finish: [] as string[] };
  let usage: OpenAI.CompletionUsage | null = null;
  let paused: AgentApi | null = null;
  for await (const chunk of stream) {
    received.ids.add(chunk.id);
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (choice?.finish_reason) received.finish.push(choice.finish_reason);
    if (!choice?.delta.content) continue;
    received.text += choice.delta.content;
    received.pieces += 1;
    if (received.pieces !== 5) continue;
    for (const api of providers) {
      const { jobs } = await api.jobs.list({ side: 'sold', limit: 1 });
      if (jobs[0]?.state !== 'running') continue;
      paused = api;
      await api.presence.pause({ until: 'resume' });
      await then(api);
    }
  }
  assert.ok(paused, 'one of the two providers was responding');
  return { ...received, usage: usage ?? assert.fail('the usage arrived'), paused };
}

/** Returns the last two bought jobs that delivered something, once they have ended, the earlier one first. */
function lastTwoParts() {
  return eventually('both parts have ended', async () => {
    const { jobs } = await buyer.jobs.list({ side: 'bought', limit: 20 });
    const [later, earlier] = jobs.filter(({ outputTokens }) => (outputTokens ?? 0) > 0);
    const ended = jobs.every(({ endedAtMs }) => endedAtMs !== null);
    return ended && earlier && later ? { earlier, later } : null;
  });
}

// Two providers load a real model and compute whole responses, which takes minutes where the CPU is shared.
const SLOW = { timeout: 4 * 60_000 };

test('a response paused midway continues at the other provider, and all ledgers agree', SLOW, async () => {
  const { ids, pieces, finish, usage, paused } = await requestAndPause('elsewhere');
  assert.deepEqual([ids.size, finish.length], [1, 1], 'one response with one end');
  assert.ok(pieces > 5);
  const { earlier, later } = await lastTwoParts();
  assert.notEqual(earlier.peer, later.peer);
  assert.deepEqual([earlier.error, earlier.continuedBy], ['paused', later.id]);
  assert.deepEqual([later.state, later.continues], ['charged', earlier.id]);
  for (const job of [earlier, later]) assert.ok(job.receipt !== null && BigInt(job.charged ?? 0) > 0n);
  const sum = (key: 'inputTokens' | 'outputTokens') => (earlier[key] ?? 0) + (later[key] ?? 0);
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [sum('inputTokens'), sum('outputTokens')]);
  assert.ok(usage.completion_tokens <= 150);
  // The second provider read the conversation and the text so far, and opened no new turn in between.
  const read = (later.inputTokens ?? 0) - (earlier.inputTokens ?? 0);
  assert.ok(read > 0 && read <= (earlier.outputTokens ?? 0), `${read} more tokens were read`);
  assert.ok(
    (await earnings()).every((each) => each > 0n),
    'both earned',
  );
  await paused.presence.resume({});
});

test(
  'without another provider, a waiting request resumes where it was once the owner has left',
  SLOW,
  async () => {
    const [first, second] = providers;
    await waitForState(first ?? assert.fail(), ({ work }) => work.engine === 'ready', { timeoutMs: 60_000 });
    await second?.presence.pause({ until: 'resume' });
    let resumed: Promise<unknown> | null = null;
    const { finish, usage } = await requestAndPause('wait;seconds=60', (paused) => {
      // After the engine has stopped, so that the response was certainly interrupted.
      resumed = waitForState(paused, ({ work }) => work.engine === 'stopped', { timeoutMs: 20_000 }).then(
        () => paused.presence.resume({}),
      );
    });
    await resumed;
    assert.equal(finish.length, 1);
    assert.ok(usage.completion_tokens <= 150);
    const { earlier, later } = await lastTwoParts();
    assert.deepEqual([earlier.error, later.continues, later.peer], ['paused', earlier.id, earlier.peer]);
    await earnings();
  },
);

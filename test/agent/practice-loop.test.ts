/**
 * Verifies: the whole loop with everything real (agent, second agent, libp2p, x402 on anvil, llama.cpp and a real
 * model) works for the usual clients and through the usual failures.
 * Setup: one practice network; the official openai package and curl buy; then the requester leaves, the engine is
 * killed, the chain is stopped and the agent is restarted. After each step the ledgers are compared: what the
 * requester paid, what the provider earned, what the chain paid out.
 * Fails if: the three differ by one base unit, tokens that never arrived are charged, jobs need the chain, a restart
 * forgets money.
 * Long: a whole market with real payments runs through many stories.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import { JsonRpcProvider } from 'ethers';
import OpenAI from 'openai';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { charge } from '../../shared/price.ts';
import { text } from '../../shared/strings/index.ts';
import {
  booked,
  descendants,
  eventually,
  type PracticeAgent,
  showWarnings,
  startPractice,
  temporaryHome,
} from './practice-agent.ts';

const home = temporaryHome();
let practice: PracticeAgent;
let client: OpenAI;
let model: string;

async function start(): Promise<void> {
  practice = await startPractice(home.path, 'real');
  client = new OpenAI({ baseURL: practice.gateway.baseUrl, apiKey: practice.gateway.key, maxRetries: 0 });
  const listed = await eventually(
    'a model is offered',
    async () => (await client.models.list()).data[0] ?? null,
  );
  model = listed.id;
}

before(start, { timeout: 300_000 });
after(async () => {
  await practice?.close();
  home.remove();
});

afterEach(showWarnings(home.path));

const LONG = { role: 'user' as const, content: 'Tell a very long story about a lighthouse and the sea.' };

/** Compares both ledgers over all jobs, including charges for a response that never arrived. */
async function assertLedgersAgree(): Promise<bigint> {
  return eventually('both ledgers agree', async () => {
    const earned = -(await booked(practice.api, 'income:jobs'));
    const spent = await booked(practice.requester, 'expense:inference');
    return earned === spent ? earned : null;
  });
}

/** Returns the last sold job once it is charged or has ended otherwise. */
function lastSoldJobEnded() {
  return eventually('the job ended', async () => {
    const { jobs } = await practice.api.jobs.list({ side: 'sold', limit: 1 });
    const [job] = jobs;
    return job && !['admitted', 'running', 'delivered'].includes(job.state) ? job : null;
  });
}

/** Runs `why` as the owner would while the agent is running. */
async function runWhy(...options: string[]): Promise<string> {
  const parameters = [AGENT_PROGRAM, 'why', '--home', home.path, ...options];
  return (await promisify(execFile)(process.execPath, parameters)).stdout;
}

test('the official openai package buys a response, complete and streamed', async () => {
  const whole = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Name three colours.' }],
    max_tokens: 24,
    temperature: 0,
    seed: 7,
  });
  assert.ok((whole.choices[0]?.message.content ?? '').length > 0);
  assert.ok((whole.usage?.completion_tokens ?? 0) > 0);

  const stream = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Name three colours.' }],
    max_tokens: 24,
    temperature: 0,
    seed: 7,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage: OpenAI.CompletionUsage | null | undefined = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0]?.message.content);
  assert.deepEqual(usage?.completion_tokens, whole.usage?.completion_tokens);
  assert.ok((await assertLedgersAgree()) > 0n);
});

test('plain curl buys a response', async () => {
  const { stdout } = await promisify(execFile)('curl', [
    '--silent',
    '--show-error',
    ...['-H', `Authorization: Bearer ${practice.gateway.key}`],
    ...['-H', 'Content-Type: application/json'],
    ...['-d', JSON.stringify({ model, prompt: 'The sea is', max_tokens: 8 })],
    `${practice.gateway.baseUrl}/completions`,
  ]);
  const answer = JSON.parse(stdout);
  assert.equal(answer.object, 'text_completion');
  assert.ok(answer.usage.completion_tokens > 0);
});

test('an invalid request is rejected with a reason and costs nothing', async () => {
  // The previous response is charged after it has arrived.
  await lastSoldJobEnded();
  const before = await assertLedgersAgree();
  await assert.rejects(
    client.chat.completions.create({ model, messages: [LONG], max_tokens: -1 }),
    (error: unknown) => error instanceof OpenAI.BadRequestError && error.param === 'max_tokens',
  );
  await assert.rejects(
    client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'word '.repeat(6_000) }],
      max_tokens: 8,
    }),
    (error: unknown) => error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded',
  );
  await assert.rejects(
    new OpenAI({ baseURL: practice.gateway.baseUrl, apiKey: 'wrong', maxRetries: 0 }).models.list(),
    OpenAI.AuthenticationError,
  );
  assert.equal(await assertLedgersAgree(), before);
});

test('four concurrent requests are served and paid on channels of their own', async () => {
  const answers = await Promise.all(
    [1, 2, 3, 4].map((seed) =>
      client.chat.completions.create({ model, messages: [LONG], max_tokens: 16, seed }),
    ),
  );
  for (const answer of answers) assert.equal(answer.usage?.completion_tokens, 16);
  await assertLedgersAgree();
});

test('a client that disconnects pays for what it received, and the engine stops', async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: [LONG],
    max_tokens: 600,
    stream: true,
  });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 5) break;
  stream.controller.abort();
  const job = await lastSoldJobEnded();
  assert.equal(job.state, 'aborted');
  assert.ok((job.outputTokens ?? 0) < 600, 'the engine did not run to the end');
  assert.ok((job.outputTokens ?? 0) > 0);
  await assertLedgersAgree();
});

test('after the engine is killed midway only the delivered part is charged, and the next job is served', async () => {
  const [enginePid] = descendants(practice.agent.ready.pid, 'engine-process');
  assert.ok(enginePid, 'the engine is a process of its own');
  const stream = await client.chat.completions.create({
    model,
    messages: [LONG],
    max_tokens: 600,
    stream: true,
  });
  let received = 0;
  await assert.rejects(async () => {
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) received += 1;
      if (received === 5) process.kill(enginePid, 'SIGKILL');
    }
  });
  const job = await lastSoldJobEnded();
  assert.equal(job.state, 'failed');
  const { settings } = await waitForState(practice.api, () => true, { timeoutMs: 10_000 });
  const price = {
    inputPerMillion: settings.priceInputPerMillion,
    outputPerMillion: settings.priceOutputPerMillion,
  };
  const delivered = { input: job.inputTokens ?? 0, output: job.outputTokens ?? 0 };
  assert.ok(delivered.output < 600);
  assert.equal(job.charged, charge(price, delivered).toString());
  await assertLedgersAgree();

  await waitForState(practice.api, (state) => state.work.engine === 'ready', { timeoutMs: 60_000 });
  const next = await eventually('the next job is served', async () =>
    client.chat.completions.create({ model, messages: [LONG], max_tokens: 4 }),
  );
  assert.equal(next.usage?.completion_tokens, 4);
  await assertLedgersAgree();
});

test('a pause by the owner ends the engine immediately, and only the delivered part is charged', async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: [LONG],
    max_tokens: 600,
    stream: true,
  });
  let received = 0;
  await assert.rejects(
    async () => {
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) received += 1;
        if (received === 5) await practice.api.presence.pause({ until: 'resume' });
      }
    },
    (error: unknown) => error instanceof OpenAI.APIError && error.code === 'paused',
  );
  const job = await lastSoldJobEnded();
  assert.equal(job.state, 'aborted');
  assert.ok((job.outputTokens ?? 0) >= 5 && (job.outputTokens ?? 0) < 600);
  await assertLedgersAgree();
  // The duration is shown shortly after the engine has stopped.
  const { work } = await waitForState(
    practice.api,
    (state) => state.work.engine === 'stopped' && state.work.handBacks.length > 0,
    { timeoutMs: 10_000 },
  );
  assert.deepEqual(
    [work.handBacks[0]?.reason, work.handBacks[0]?.how, work.handBacks[0]?.jobs],
    ['paused-by-owner', 'killed', 1],
  );
  assert.deepEqual(descendants(practice.agent.ready.pid, 'engine-process'), []);
  assert.equal(JSON.parse(await runWhy('--json')).why, 'paused-until-resume');
  assert.equal(
    await runWhy(),
    (['why.paused-until-resume', 'home.perHourUnknown', 'terminal.resume'] as const)
      .map((key) => `${text('en', key)}\n`)
      .join(''),
  );

  await practice.api.presence.resume({});
  await waitForState(practice.api, (state) => state.work.engine === 'ready', { timeoutMs: 60_000 });
  const next = await eventually('the next job is served', async () =>
    client.chat.completions.create({ model, messages: [LONG], max_tokens: 4 }),
  );
  assert.equal(next.usage?.completion_tokens, 4);
  await assertLedgersAgree();
});

test('while the chain is unavailable, jobs continue and settlement is deferred with a notice', async () => {
  const chain = descendants(practice.agent.ready.pid, 'anvil');
  assert.ok(chain.length > 0, 'the practice chain is a process of its own');
  for (const pid of chain) process.kill(pid, 'SIGSTOP');
  try {
    const answer = await client.chat.completions.create({ model, messages: [LONG], max_tokens: 4 });
    assert.equal(answer.usage?.completion_tokens, 4);
    await assert.rejects(practice.api.earnings.settle({}));
    const state = await waitForState(
      practice.api,
      ({ app }) => app.notices.some((notice) => notice.code === 'settlement-waiting'),
      { timeoutMs: 30_000 },
    );
    assert.equal(state.money.waitingReason, 'chain-unavailable');
  } finally {
    for (const pid of chain) process.kill(pid, 'SIGCONT');
  }
  await eventually('settlement succeeds once the chain is back', async () =>
    practice.api.earnings.settle({}),
  );
});

test('charges are recorded and paid out, and a restart forgets nothing', async () => {
  const charged = await assertLedgersAgree();
  await practice.api.earnings.settle({});
  await practice.api.wallet.refresh({});
  const state = await waitForState(practice.api, ({ money }) => money.owed === '0' && money.claimed === '0', {
    timeoutMs: 20_000,
  });
  assert.equal(state.money.earnedTotal, charged.toString());
  assert.equal(state.money.received, charged.toString());
  assert.equal(state.wallet.tokenBalance, charged.toString(), 'the chain has the same balance');

  const { peer, chain } = practice.agent.ready;
  assert.ok(chain);
  const node = new JsonRpcProvider(chain.rpcUrl, undefined, { staticNetwork: true });
  const { entries } = await practice.api.earnings.entries({ limit: 1, kind: 'channels-claimed' });
  const claim = await node.getTransaction(entries[0]?.reference ?? '');
  assert.ok(claim, 'the recorded claim is on-chain');
  assert.equal(
    (await node.getBalance(claim.from)) + (await node.getBalance(state.wallet.address ?? '')),
    await booked(practice.api, 'wallet', state.money.coin.id),
    'every fee is recorded, also of relayed deposits',
  );
  node.destroy();
  const address = state.wallet.address;
  assert.equal(await practice.close(), 0);
  await start();
  assert.equal(practice.agent.ready.peer.id, peer.id, 'the same peer');
  assert.equal(practice.agent.ready.chain?.id, chain.id);
  const again = await waitForState(practice.api, () => true, { timeoutMs: 10_000 });
  assert.equal(again.wallet.address, address, 'the same wallet');
  assert.equal(again.wallet.tokenBalance, charged.toString(), 'the chain kept the payout');
  assert.equal(again.money.earnedTotal, charged.toString());

  await client.chat.completions.create({ model, messages: [LONG], max_tokens: 4 });
  await eventually('the existing channels keep paying', async () => {
    return (await assertLedgersAgree()) > charged ? true : null;
  });
});

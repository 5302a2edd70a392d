/**
 * Verifies: an OpenAI client buys from a peer without any change but its base URL.
 * Setup: the official `openai` package and curl, through the gateway's loopback port and real libp2p, to a provider
 * whose engine and payment gate are fakes; where answers are checked, the engine is real.
 * Fails if: a client that expects OpenAI's API breaks, the two sides count money differently, or a provider that cheats is
 * bought from again.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI, { APIError } from 'openai';
import { createNetwork, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { openAnswerChecks } from '../../main/agent/checking.ts';
import { createReceivedChecks, createVerdicts } from '../../main/core/answer-checks/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { createAuditReports, createExperience } from '../../main/core/reputation/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine } from '../../main/ports/engine.ts';
import type { Network } from '../../main/ports/network.ts';
import { PAYMENT_HEADER } from '../../main/ports/payments.ts';
import { charge } from '../../shared/price.ts';
import { createFakeEngine, type FakeEngine } from '../fakes/engine.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider, FAKE_LIFE } from '../fakes/market.ts';
import { encode } from '../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';

const run = promisify(execFile);
const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const TINY_PATH = join(import.meta.dirname, '../../resources/models/idlewatt-tiny.gguf');
const folders: string[] = [];

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'idlewatt-market-'));
  folders.push(made);
  return made;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

let selling: Network;
let buying: Network;
let engine: FakeEngine;
let provider: ReturnType<typeof createFakeProvider>;
let gateway: Awaited<ReturnType<typeof createFakeGateway>>;
let client: OpenAI;
/** Delays each token while a test has to act in the middle of a response. */
let brake: ((index: number) => Promise<void>) | null = null;

before(async () => {
  selling = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
  buying = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
  await selling.start();
  await buying.start();
  engine = createFakeEngine({
    loaded: FAKE_LIFE,
    beforeToken: (index) => brake?.(index) ?? new Promise((resolve) => setImmediate(resolve)),
  });
  provider = createFakeProvider(selling, { engine, models: [OFFERED] });
  gateway = await createFakeGateway(buying);
  await buying.connect(selling.addresses()[0] ?? '');
  client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
});

after(async () => {
  await gateway.stop();
  await buying.stop();
  await selling.stop();
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

/** After each test nothing is open and nothing unexpected has happened. */
afterEach(async () => {
  brake = null;
  await gateway.gateway.idle();
  await until(() => provider.service.active().length === 0);
  assert.deepEqual([...provider.gate.busy], []);
  await until(() => gateway.payer.open() === 0);
  assert.deepEqual([provider.faults, gateway.faults], [[], []]);
});

const hello = {
  model: OFFERED.id,
  messages: [{ role: 'user' as const, content: 'Hello there' }],
  max_tokens: 6,
};
const ANSWER = 'word-0 word-1 word-2 word-3 word-4 word-5 ';
const curl = async (path: string, body: object | string, key = gateway.key) => {
  const data = typeof body === 'string' ? body : JSON.stringify(body);
  const { stdout } = await run('curl', [
    ...['-sS', '-N', '-w', '\n%{http_code}', '-H', `Authorization: Bearer ${key}`],
    ...['-H', 'Content-Type: application/json', '-d', data, `${gateway.baseUrl}${path}`],
  ]);
  const at = stdout.lastIndexOf('\n');
  return { text: stdout.slice(0, at), status: Number(stdout.slice(at + 1)) };
};

test('lists the offered models', async () => {
  const { data } = await client.models.list();
  assert.deepEqual(
    data.map(({ id }) => id),
    [OFFERED.id],
  );
  assert.deepEqual(await client.models.retrieve(OFFERED.id), data[0]);
  await assert.rejects(client.models.retrieve('un/known'), { status: 404 });
});

test('serves a complete response to the openai package', async () => {
  const answer = await client.chat.completions.create(hello);
  assert.equal(answer.choices[0]?.message.content, ANSWER);
  assert.equal(answer.choices[0]?.finish_reason, 'length');
  assert.deepEqual(answer.usage, { prompt_tokens: 2, completion_tokens: 6, total_tokens: 8 });
});

test('streams a response with usage to the openai package', async () => {
  const stream = await client.chat.completions.create({
    ...hello,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, ANSWER);
  assert.deepEqual(usage, { prompt_tokens: 2, completion_tokens: 6, total_tokens: 8 });
});

test('serves plain completions, complete and streamed', async () => {
  const request = { model: OFFERED.id, prompt: 'Hello there', max_tokens: 6 };
  assert.equal((await client.completions.create(request)).choices[0]?.text, ANSWER);
  let text = '';
  for await (const chunk of await client.completions.create({ ...request, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  assert.equal(text, ANSWER);
});

test('works with the streaming helper of the openai package', async () => {
  const final = await client.chat.completions.stream(hello).finalChatCompletion();
  assert.equal(final.choices[0]?.message.content, ANSWER);
});

test('serves curl, complete and streamed, without its internal events', async () => {
  const whole = await curl('/chat/completions', hello);
  assert.equal(whole.status, 200);
  assert.equal(JSON.parse(whole.text).choices[0].message.content, ANSWER);
  const streamed = await curl('/chat/completions', { ...hello, stream: true });
  const lines = streamed.text.split('\n').filter(Boolean);
  assert.ok(
    lines.every((line) => line.startsWith('data: ')),
    'only data lines',
  );
  assert.equal(lines.at(-1), 'data: [DONE]');
  assert.ok(!streamed.text.includes('token_ids'));
});

test('reports invalid requests as OpenAI does', async () => {
  const cases: [object | string, number, string | null, string][] = [
    ['{', 400, null, 'invalid_body'],
    [{ ...hello, guided_regex: 'a' }, 400, 'guided_regex', 'unsupported_parameter'],
    [{ ...hello, n: 5 }, 400, 'n', 'invalid_value'],
    [{ ...hello, model: 'unknown' }, 404, 'model', 'model_not_found'],
    [{ ...hello, max_tokens: 4_096 }, 400, 'max_tokens', 'context_length_exceeded'],
  ];
  for (const [body, status, param, code] of cases) {
    const answer = await curl('/chat/completions', body);
    const { error } = JSON.parse(answer.text);
    assert.deepEqual([answer.status, error.param, error.code], [status, param, code]);
  }
  const long = { ...hello, messages: [{ role: 'user' as const, content: 'word '.repeat(5_000) }] };
  await assert.rejects(client.chat.completions.create(long), (error) => {
    assert.ok(error instanceof APIError);
    return error.status === 400 && error.code === 'context_length_exceeded';
  });
  assert.equal((await curl('/chat/completions', hello, 'wrong')).status, 401);
  await assert.rejects(client.embeddings.create({ model: hello.model, input: 'y' }), { status: 400 });
});

test('rejects a web page whose host name resolves to loopback', async () => {
  const { stdout } = await run('curl', [
    ...['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: evil.example'],
    ...['-H', `Authorization: Bearer ${gateway.key}`, `${gateway.baseUrl}/models`],
  ]);
  assert.equal(stdout, '401');
});

test('serves several requests concurrently', async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => client.chat.completions.create(hello)));
  assert.ok(answers.every((answer) => answer.choices[0]?.message.content === ANSWER));
});

test('stops the engine and charges the delivered part when the client leaves', async () => {
  const before = provider.jobs.all().length;
  brake = () => new Promise((resolve) => setTimeout(resolve, 2));
  const stream = await client.chat.completions.create({ ...hello, max_tokens: 3_000, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) seen += 1;
    if (seen === 3) break;
  }
  await gateway.gateway.idle();
  await until(() => provider.service.active().length === 0);
  const job = provider.jobs.all()[before];
  assert.equal(job?.state, 'aborted');
  const output = job?.outputTokens ?? 0;
  assert.ok(output >= 1 && output < 3_000);
  assert.equal(job?.charged, charge(OFFERED.price, { input: 2, output }).toString());
  brake = null;
  assert.equal((await client.chat.completions.create(hello)).choices[0]?.message.content, ANSWER);
});

test('charges the delivered part and reports an error when the engine ends mid-response', async () => {
  brake = async (index) => {
    if (index === 3) engine.crash();
  };
  const stream = await client.chat.completions.create({ ...hello, stream: true });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  }, APIError);
  assert.equal(text, 'word-0 word-1 word-2 ');
  await gateway.gateway.idle();
  const sold = provider.jobs.all().at(-1);
  const bought = gateway.jobs.all().at(-1);
  assert.deepEqual([sold?.state, bought?.state], ['failed', 'failed']);
  assert.deepEqual([sold?.outputTokens, bought?.outputTokens], [3, 3]);
  assert.equal(sold?.charged, charge(OFFERED.price, { input: 2, output: 3 }).toString());
  assert.equal(bought?.charged, sold?.charged);
});

test('retries once when the engine ends before the first token, and charges once', async () => {
  const paidBefore = provider.gate.total();
  let crashed = false;
  brake = async () => {
    if (crashed) return;
    crashed = true;
    engine.crash();
  };
  const answer = await client.chat.completions.create(hello);
  assert.equal(answer.choices[0]?.message.content, ANSWER);
  assert.equal(provider.gate.total() - paidBefore, charge(OFFERED.price, { input: 2, output: 6 }));
});

test('corrects its channel state after a 402 and continues', async () => {
  gateway.payer.forget(10_000n);
  const answer = await client.chat.completions.create(hello);
  assert.equal(answer.choices[0]?.message.content, ANSWER);
  assert.ok(gateway.jobs.all().some(({ state }) => state === 'refused'));
});

test('both sides record the same money, job by job', async () => {
  await gateway.gateway.idle();
  const complete = provider.charged.filter(({ job }) => job.state === 'charged');
  const bought = gateway.bought.filter(({ job }) => job.state === 'charged');
  assert.deepEqual(
    bought.map(({ receipt }) => receipt?.job).sort(),
    complete.map(({ receipt }) => receipt.job).sort(),
  );
  for (const { job, receipt } of bought) {
    assert.equal(job.charged, receipt?.charged);
    assert.equal(job.outputTokens, receipt?.outputTokens);
  }
  const charged = provider.jobs.all().reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n);
  assert.equal(charged, provider.gate.total());
});

test('detects a requester whose process was killed', async () => {
  brake = () => new Promise((resolve) => setTimeout(resolve, 2));
  const headers = { [PAYMENT_HEADER]: encode({ channelId: 'killed', payer: 'payer', most: '9999999' }) };
  const body = JSON.stringify({ ...hello, max_tokens: 3_000, stream: true });
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../fakes/vanishing-requester.ts'),
      ...[selling.addresses()[0] ?? '', folder(), JSON.stringify(headers), body],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) if (line === 'STREAMING') break;
  assert.equal(provider.service.active().length, 1);
  child.kill('SIGKILL');
  await until(() => provider.service.active().length === 0);
  const job = provider.jobs.all().at(-1);
  assert.equal(job?.state, 'aborted');
  assert.ok((job?.outputTokens ?? 0) >= 1 && (job?.outputTokens ?? 0) < 3_000);
  assert.ok(BigInt(job?.charged ?? 0) > 0n);
});

test('rejects a tampered receipt and stops buying from that provider', async () => {
  const networks: Network[] = [];
  for (let index = 0; index < 3; index += 1) {
    const network = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    await network.start();
    networks.push(network);
  }
  const [dishonest, honest, buying] = networks as [Network, Network, Network];
  const tampering: Network = {
    ...dishonest,
    key: {
      ...dishonest.key,
      sign: (payload) =>
        dishonest.key.sign('tokenHash' in payload ? { ...payload, outputTokens: 100 } : payload),
    },
  };
  const cheap = { inputPerMillion: '1000000', outputPerMillion: '1000000' };
  const first = createFakeProvider(tampering, { models: [{ ...OFFERED, price: cheap }] });
  const second = createFakeProvider(honest, { models: [OFFERED] });
  const gateway = await createFakeGateway(buying);
  for (const network of [dishonest, honest]) await buying.connect(network.addresses()[0] ?? '');
  await until(() => gateway.directory.providers().length === 2);
  const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  const request = { model: OFFERED.id, messages: [{ role: 'user' as const, content: 'Hi' }], max_tokens: 4 };
  for (let index = 0; index < 3; index += 1) {
    const answer = await client.chat.completions.create(request);
    assert.ok(answer.choices[0]?.message.content);
    await gateway.gateway.idle();
  }
  assert.deepEqual([first.jobs.all().length, second.jobs.all().length], [1, 2]);
  const [refused] = gateway.bought;
  assert.deepEqual(
    [refused?.job.state, refused?.job.error, refused?.receipt],
    ['failed', 'receipt-refused', null],
  );
  assert.equal(refused?.job.charged, null, 'the charge is not accepted');
  assert.deepEqual([gateway.payer.ends[0], gateway.payer.paid()], ['disputed', second.gate.total()]);
  await gateway.stop();
  for (const network of networks) await network.stop();
});

test('finds a provider that samples with another seed, tells it so, and buys from an honest one', async (context) => {
  const networks: Network[] = [];
  for (let index = 0; index < 3; index += 1) {
    const network = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    await network.start();
    context.after(() => network.stop());
    networks.push(network);
  }
  const [dishonest, honest, buying] = networks as [Network, Network, Network];
  const real = createEngineSupervisor({ spawn: createLlamaSpawner(), clock: systemClock });
  context.after(() => real.stop());
  const tiny = { id: OFFERED.id, path: TINY_PATH, sha256: OFFERED.sha256 };
  await real.load(tiny, { contextTokens: 512, sequences: 2, threads: 1, graphicsMemoryBytesMax: null });
  /** Signs the seed that was asked for, but doesn't use it. */
  const lying: Engine = {
    ...real,
    async *generate(request, signal) {
      const seed = request.seed ?? 0;
      for await (const event of real.generate({ ...request, seed: (seed + 1) % 2 ** 32 }, signal))
        yield event.type === 'start' && event.sampling
          ? { ...event, sampling: { ...event.sampling, seed } }
          : event;
    },
  };
  const cheap = { inputPerMillion: '1000000', outputPerMillion: '1000000' };
  const records = { sold: createMemoryRecordStore(), bought: createMemoryRecordStore() };
  const received = createReceivedChecks({
    ...{ records: records.sold, clock: systemClock, onReport: () => undefined },
    findJob: (id) => liar.jobs.all().find((job) => job.id === id) ?? null,
  });
  const liar = createFakeProvider(dishonest, {
    ...{ engine: lying, models: [{ ...OFFERED, price: cheap }], takeReport: received.take },
  });
  const other = createFakeProvider(honest, { engine: real, models: [OFFERED] });
  const experience = createExperience({ records: records.bought, clock: systemClock });
  const log = createRecordingLog();
  const gateway = await createFakeGateway(buying, {
    experience,
    onProven: (answer) => checks.consider(answer),
  });
  context.after(() => gateway.stop());
  const verdicts = createVerdicts({ records: records.bought, key: buying.key, log });
  createFakeProvider(buying, { engine: real, models: [], verdicts: verdicts.list });
  const checks = openAnswerChecks(
    { clock: systemClock, log, onClose: (close) => context.after(close) },
    { records: records.bought },
    {
      ...{ directory: gateway.directory, experience, network: buying, verdicts, random: () => 0 },
      ...{ serves: () => true, buyOpinion: null, opinionsFrom: () => 'nobody' },
      hold: () => ({ generate: real.generate, release: () => undefined }),
    },
  );
  for (const network of [dishonest, honest]) await buying.connect(network.addresses()[0] ?? '');
  await until(() => gateway.directory.providers().length === 2);
  const client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  const buy = async () => {
    const messages = [{ role: 'user' as const, content: 'Tell me about the river.' }];
    await client.chat.completions.create({ model: OFFERED.id, messages, max_tokens: 60 });
    await gateway.gateway.idle();
    const job = gateway.jobs.all().at(-1) ?? assert.fail('nothing was bought');
    while (checks.find(job) === null) await new Promise((resolve) => setTimeout(resolve, 5));
    return { peer: job.peer, check: checks.find(job) };
  };

  const lies = [];
  for (let bought = await buy(); bought.peer === dishonest.key.peer; bought = await buy()) lies.push(bought);
  assert.ok(lies.length >= 1 && lies.length <= 3, `${lies.length} answers were bought from the liar`);
  assert.equal(lies.at(-1)?.check?.isAlarm, true);
  const failureRate = (network: Network) => experience.of(network.key.peer, OFFERED.sha256).failureRate;
  assert.ok(failureRate(dishonest) > 0.8 && failureRate(honest) < 0.2);
  const told = () => liar.jobs.all().flatMap((job) => received.find(job) ?? []);
  while (told().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(told()[0]?.differing, lies.at(-1)?.check?.differing, 'both sides see the same evidence');
  const { check } = await buy();
  assert.deepEqual([check?.differing, check?.isAlarm, other.jobs.all().length], [0, false, 2]);

  await tellsAnother({ auditor: buying, buyer: honest, liar: dishonest }, context);
});

/** Another buyer, which knows the auditor, asks it, and expects failures of the liar without having bought there. */
async function tellsAnother(
  { auditor, buyer, liar }: Readonly<Record<'auditor' | 'buyer' | 'liar', Network>>,
  context: { after(close: () => void): void },
): Promise<void> {
  const log = createRecordingLog();
  const reports = createAuditReports({
    ...{ fetch: buyer.fetch, verifySigned, records: createMemoryRecordStore(), clock: systemClock, log },
    ...{ isKnown: (peer) => peer === auditor.key.peer, standingOf: () => 0.5 },
  });
  context.after(() => reports.stop());
  reports.consider(auditor.key.peer);
  await until(() => reports.of(liar.key.peer).length > 0);
  assert.equal(reports.of(liar.key.peer)[0]?.hasPassed, false);
  const judged = createExperience({
    ...{ records: createMemoryRecordStore(), clock: systemClock, audits: reports.of },
  });
  assert.ok(judged.of(liar.key.peer, OFFERED.sha256).failureRate > 0.35);
}

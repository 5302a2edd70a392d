/**
 * Verifies: a client that has to wait is notified. While providers restart it gets 503 with `Retry-After`, beyond the
 * gateway's limit or before a restart 429, and a streamed response that begins late has its headers early and a comment
 * every 15 s.
 * Setup: real provider services with scripted engines on networks in memory, a clock that the test moves.
 * Fails if: a restart looks like a model that doesn't exist, the queue is unbounded, a place is never freed, a client times
 * out without a sign of life, a late answer is never concluded, or a restart ends an answer.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import type { GatewayOptions } from '../../../main/core/gateway/index.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';

const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function turns(count = 50): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

async function setUp(options: Partial<GatewayOptions> = {}, isKnown = true) {
  const clock = manualClock(1_700_000_000_000);
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  await buying.start();
  await selling.start();
  const engine = createScriptedEngine();
  /** Models that the provider offers; it offers nothing while its engine restarts. */
  const models: OfferedModel[] = [OFFERED];
  const provider = createFakeProvider(selling, { clock, models, engine });
  const gateway = await createFakeGateway(buying, { clock, ...options });
  const connect = async () => {
    await buying.connect(selling.addresses()[0] ?? '');
    await gateway.directory.refresh(selling.key.peer);
  };
  if (isKnown) await connect();
  closers.push(async () => {
    await gateway.stop();
    await buying.stop();
    await selling.stop();
  });
  const headers = { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' };
  function ask(more: object = {}, signal?: AbortSignal): Promise<Response> {
    const messages = [{ role: 'user', content: 'Hi' }];
    return fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: OFFERED.id, messages, max_tokens: 9, ...more }),
      ...(signal ? { signal } : {}),
    });
  }
  const askModel = (id: string = OFFERED.id) => fetch(`${gateway.baseUrl}/models/${id}`, { headers });
  async function assertIdle(): Promise<void> {
    await gateway.gateway.idle();
    while (gateway.payer.open() > 0 || provider.service.active().length > 0) await turn();
    assert.deepEqual([gateway.faults, provider.faults, [...provider.gate.busy]], [[], [], []]);
  }
  return { clock, gateway, provider, selling, engine, models, connect, ask, askModel, assertIdle };
}

function finish(run: ScriptedRun): void {
  run.start(1);
  run.text('fine', 1, 2);
  run.end('stop');
}

async function assertRetry(response: Response, status = 503, code = 'no-provider'): Promise<void> {
  const { error } = await response.json();
  assert.deepEqual([response.status, error.code], [status, code], error.message);
  assert.ok(Number(response.headers.get('retry-after')) >= 1, 'retry-after');
}

async function assertMissing(response: Response): Promise<void> {
  assert.deepEqual([response.status, (await response.json()).error.code], [404, 'model_not_found']);
}

it('answers 503 with Retry-After while the provider’s engine restarts, and 404 when the model is really gone', async () => {
  const { clock, gateway, selling, models, ask, askModel, assertIdle } = await setUp();
  models.pop();
  await gateway.directory.refresh(selling.key.peer);
  await assertRetry(await ask());
  await assertRetry(await ask({ stream: true }));
  await assertRetry(await askModel());
  clock.advance(60_000);
  await assertMissing(await ask({ model: 'never-offered' }));
  await assertMissing(await askModel('never-offered'));
  clock.advance(600_000);
  await assertMissing(await ask());
  await assertMissing(await askModel());
  await assertIdle();
});

it('answers 503 with Retry-After while the provider’s agent restarts', async () => {
  const { selling, ask, askModel, connect, engine, assertIdle } = await setUp();
  await selling.stop();
  await assertRetry(await ask());
  assert.equal((await askModel()).status, 200, 'its offer is still valid');
  await selling.start();
  await connect();
  const answer = ask();
  finish(await engine.next());
  assert.equal((await answer).status, 200);
  await assertIdle();
});

it('answers 503 until peers were found after its own start', async () => {
  const { clock, ask, connect, engine, assertIdle } = await setUp({}, false);
  await assertRetry(await ask());
  await connect();
  await assertMissing(await ask({ model: 'never-offered' }));
  const answer = ask();
  finish(await engine.next());
  assert.equal((await answer).status, 200);
  await assertIdle();
  const alone = await setUp({}, false);
  alone.clock.advance(60_000);
  await assertMissing(await alone.ask());
  assert.ok(clock.monotonic() < 60_000);
});

it('limits the requests in progress and answers 429, and frees each place however its request ends', async () => {
  const { ask, engine, assertIdle } = await setUp({ requestsMax: 2 });
  const leaving = new AbortController();
  const first = ask({ stream: true });
  const run = await engine.next();
  run.start(1);
  run.text('one', 1);
  const left = ask({}, leaving.signal);
  const other = await engine.next();
  await assertRetry(await ask(), 429, 'rate_limit_exceeded');
  leaving.abort();
  await assert.rejects(left);
  while (!other.signal.aborted) await turn();
  run.end('stop');
  assert.match(await (await first).text(), /one/);
  await assertIdle();
  for (const more of [{ n: 7 }, { model: 'never-offered' }, { n: 7 }])
    assert.ok((await ask(more)).status >= 400);
  for (let place = 0; place < 2; place += 1) {
    const failing = ask();
    const failed = await engine.next();
    failed.fail('context-exceeded');
    assert.equal((await failing).status, 400);
  }
  const answers = [ask(), ask()];
  for (const answer of answers) {
    finish(await engine.next());
    void answer;
  }
  for (const answer of answers) assert.equal((await answer).status, 200);
  await assertIdle();
});

it('lets answers in progress end before a restart, and tells new clients to come back', async () => {
  const { gateway, ask, engine, assertIdle } = await setUp();
  const begun = ask({ stream: true });
  const run = await engine.next();
  assert.equal(gateway.gateway.active(), 1);
  const takeRequests = gateway.gateway.refuseRequests();
  await assertRetry(await ask(), 429, 'rate_limit_exceeded');
  assert.equal(gateway.gateway.active(), 1, 'what was refused is waited for by nobody');
  finish(run);
  assert.match(await (await begun).text(), /"fine"[\s\S]*\[DONE\]/);
  await assertIdle();
  assert.equal(gateway.gateway.active(), 0);
  takeRequests();
  const next = ask();
  finish(await engine.next());
  assert.equal((await next).status, 200);
  await assertIdle();
});

it('sends the headers of a streamed response after a second, and a comment every 15 s until it begins', async () => {
  const { clock, ask, engine, assertIdle } = await setUp();
  const answer = ask({ stream: true });
  const run = await engine.next();
  run.start(1);
  await turns();
  clock.advance(1_000);
  const response = await answer;
  assert.equal(response.status, 200);
  const reader = (response.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, ': still here\n\n');
  for (let comment = 0; comment < 3; comment += 1) {
    await turns();
    clock.advance(15_000);
    assert.equal((await reader.read()).value, ': still here\n\n');
  }
  run.text('late', 1);
  run.end('stop');
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  assert.match(rest, /"late"[\s\S]*\[DONE\]/);
  await assertIdle();
});

it('reports a failure after the headers as an event in OpenAI’s format', async () => {
  const { clock, ask, engine, assertIdle } = await setUp();
  const answer = ask({ stream: true });
  const run = await engine.next();
  await turns();
  clock.advance(1_000);
  const response = await answer;
  run.fail('context-exceeded');
  const text = await response.text();
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? assert.fail(text);
  assert.equal(JSON.parse(data).error.code, 'context_length_exceeded');
  await assertIdle();
});

it('concludes a request whose client left before the answer began', async () => {
  const { clock, ask, engine, gateway, assertIdle } = await setUp({ requestsMax: 1 });
  const answer = ask({ stream: true });
  const run = await engine.next();
  run.start(3);
  await turns();
  clock.advance(1_000);
  await (await answer).body?.cancel();
  while (!run.signal.aborted) await turn();
  await assertIdle();
  while (gateway.jobs.all().some(({ endedAtMs }) => endedAtMs === null)) await turn();
  assert.equal(gateway.jobs.all()[0]?.state, 'aborted');
  const next = ask();
  finish(await engine.next());
  assert.equal((await next).status, 200, 'its place is free');
  await assertIdle();
});

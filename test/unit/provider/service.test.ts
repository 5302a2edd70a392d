/**
 * Goal: the provider answers as OpenAI does, charges exactly what was delivered, and frees everything
 * whatever happens. Method: the real service with scripted engine, fake till and a clock moved by hand. What
 * would break: charges for tokens that nobody got, channels that stay busy, slots that leak.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import type { ProviderOptions } from '../../../main/core/provider/index.ts';
import { readEvents, type ServerEvent } from '../../../main/core/sse/index.ts';
import { CHANNEL_PATH, PAYMENT_HEADER, PAYMENT_RESPONSE_HEADER } from '../../../main/ports/payments.ts';
import {
  OFFER_PATH,
  PAYMENT_RESPONSE_EVENT,
  RECEIPT_EVENT,
  RECEIPT_HEADER,
  receiptSchema,
} from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, MODELS_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED as CHEAP, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

/** Whole base units for each token, so that every single one shows in a charge. */
const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const hub = createFakeHub();
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
let channels = 0;

async function setUp(options: Partial<ProviderOptions> = {}) {
  const network = await hub.createNetwork();
  const clock = manualClock(1_700_000_000_000);
  const engine = createScriptedEngine();
  const provider = createFakeProvider(network, {
    clock,
    models: [OFFERED],
    ...options,
    engine,
  });
  const peer = network.key.peer;
  channels += 1;
  const voucher = (channelId = `c${channels}`) => ({
    [PAYMENT_HEADER]: encode({ channelId, payer: 'payer', most: '1000000' }),
  });
  function post(
    body: object | string,
    more: { signal?: AbortSignal; headers?: Record<string, string> } = {},
  ) {
    const request = new Request(`http://provider${CHAT_PATH}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-peer-id': 'requester',
        ...voucher(),
        ...more.headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(more.signal ? { signal: more.signal } : {}),
    });
    return Promise.resolve(provider.service.app.fetch(request));
  }
  /** What must hold when nothing is under way. */
  function assertIdle() {
    assert.deepEqual([...provider.gate.busy], [], 'no channel is busy');
    assert.deepEqual(provider.service.active(), [], 'no job is active');
    assert.deepEqual(provider.faults, []);
  }
  return { ...provider, engine, clock, post, voucher, peer, assertIdle };
}

const ask = (more: object = {}) => ({
  model: OFFERED.id,
  messages: [{ role: 'user', content: 'Hello' }],
  max_tokens: 10,
  ...more,
});

async function refused(
  response: Response,
  status: number,
  expected: { param?: string | null; code?: string },
) {
  assert.equal(response.status, status);
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  assert.equal(typeof error.message, 'string');
  assert.equal(typeof error.type, 'string');
  for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value);
}

/** Reads one batch of events at a time. */
function reading(response: Response) {
  assert.equal(response.status, 200);
  const batches = readEvents(response.body ?? assert.fail('no body'));
  return {
    async next(): Promise<ServerEvent[]> {
      const { value, done } = await batches.next();
      return done ? [] : value;
    },
    async rest(): Promise<ServerEvent[]> {
      const events: ServerEvent[] = [];
      for await (const batch of batches) events.push(...batch);
      return events;
    },
    leave: () => batches.return(),
  };
}

const textOf = (events: readonly ServerEvent[]) =>
  events
    .filter(({ event, data }) => event === null && data !== '[DONE]')
    .map(({ data }) => JSON.parse(data).choices?.[0]?.delta?.content ?? '')
    .join('');
const dataOf = (events: readonly ServerEvent[], name: string) =>
  events.find(({ event }) => event === name)?.data ?? assert.fail(`no event ${name}`);

describe('provider: what it tells', () => {
  it('lists its models with price, context, file and speeds, and serves a signed offer', async () => {
    const { service, peer } = await setUp();
    const models = await (await service.app.request(MODELS_PATH)).json();
    assert.equal(models.object, 'list');
    const [model] = models.data;
    assert.deepEqual(
      [model.id, model.object, model.price, model.context_length, model.quantisation, model.sha256],
      [OFFERED.id, 'model', OFFERED.price, 4_096, 'F32', OFFERED.sha256],
    );
    assert.deepEqual([model.prefill_tokens_per_second, model.decode_tokens_per_second], [1_000, 100]);
    const jws = await (await service.app.request(OFFER_PATH)).text();
    assert.equal(((await verifySigned(jws, peer)) as { peer: string }).peer, peer);
  });

  it('says clearly what it does not have', async () => {
    const { service } = await setUp();
    const post = { method: 'POST', body: '{}' };
    await refused(await service.app.request(EMBEDDINGS_PATH, post), 400, { code: 'unsupported' });
    await refused(await service.app.request('/v1/nothing'), 404, { code: 'not-found' });
  });

  it('passes the opening of a channel to the till', async () => {
    const { service, voucher } = await setUp();
    const bare = await service.app.request(CHANNEL_PATH, { method: 'POST' });
    await refused(bare, 402, { code: 'voucher-missing' });
    const opened = await service.app.request(CHANNEL_PATH, { method: 'POST', headers: voucher() });
    assert.equal(opened.status, 200);
    assert.ok(opened.headers.get(PAYMENT_RESPONSE_HEADER));
  });
});

describe('provider: who is admitted', () => {
  it('refuses malformed bodies and unknown parameters before it looks at money', async () => {
    const { post, assertIdle, jobs } = await setUp();
    await refused(await post('{'), 400, { code: 'invalid_body' });
    await refused(await post(ask({ best_off: 1 })), 400, { param: 'best_off', code: 'unknown_parameter' });
    await refused(await post(ask({ n: 3 })), 400, { param: 'n', code: 'invalid_value' });
    await refused(await post(ask({ model: 'other' })), 404, { param: 'model', code: 'model_not_found' });
    await refused(await post('x'.repeat(1_100_000)), 400, { code: 'invalid_body' });
    assert.deepEqual(jobs.all(), []);
    assertIdle();
  });

  it('refuses what cannot fit the context, and what is beyond its limits', async () => {
    const { post, assertIdle } = await setUp({ limits: { promptBytesMax: 1_000, answerTokensMax: 100 } });
    const code = 'context_length_exceeded';
    await refused(await post(ask({ max_tokens: 4_096 })), 400, { param: 'max_tokens', code });
    await refused(await post(ask({ max_tokens: 101 })), 400, { param: 'max_tokens' });
    const long = ask({ messages: [{ role: 'user', content: 'x'.repeat(1_001) }] });
    await refused(await post(long), 400, { code });
    assertIdle();
  });

  it('gives the money back when the engine finds the prompt too long', async () => {
    const { post, engine, gate, jobs, assertIdle } = await setUp();
    const answer = post(ask({ stream: true }));
    (await engine.next()).fail('context-exceeded');
    await refused(await answer, 400, { code: 'context_length_exceeded' });
    assert.equal(gate.cancels, 1);
    assert.deepEqual(
      jobs.all().map(({ state, charged }) => [state, charged]),
      [['failed', null]],
    );
    assertIdle();
  });

  it('answers 402 without a voucher and with one that is too small', async () => {
    const { post, assertIdle } = await setUp();
    await refused(
      await post(ask(), { headers: { [PAYMENT_HEADER]: encode({ channelId: 'x', payer: 'p', most: '0' }) } }),
      402,
      {
        code: 'voucher-too-small',
      },
    );
    assertIdle();
  });

  it('says why it is paused, and when to ask again', async () => {
    const { post, engine } = await setUp({
      presence: () => ({ decision: 'pause', reason: 'owner-active', sinceMs: 0, untilMs: null }),
    });
    const response = await post(ask());
    assert.ok(Number(response.headers.get('retry-after')) > 0);
    await refused(response, 503, { code: 'paused_owner_active' });
    const starting = await setUp();
    starting.engine.setStatus({ state: 'restarting', attempt: 1, inMs: 1, cause: 'x' });
    await refused(await starting.post(ask()), 503, { code: 'paused_starting' });
    starting.engine.setStatus({ state: 'gave-up', attempts: 5, cause: 'x' });
    await refused(await starting.post(ask()), 503, { code: 'engine-gave-up' });
    assert.equal(engine.status().state, 'ready');
  });

  it('keeps a bounded queue and a quota for each peer', async () => {
    const { post, engine, voucher, assertIdle } = await setUp({ limits: { waitingMax: 1, perPeerMax: 1 } });
    const from = (peer: string) => post(ask(), { headers: { 'x-peer-id': peer, ...voucher(`of-${peer}`) } });
    const first = from('a');
    const run = await engine.next();
    await refused(await from('a'), 429, { code: 'rate_limit_exceeded' });
    const second = from('b');
    const other = await engine.next();
    const full = await from('c');
    assert.ok(Number(full.headers.get('retry-after')) > 0);
    await refused(full, 429, { code: 'rate_limit_exceeded' });
    for (const each of [run, other]) {
      each.start(1);
      each.text('x', 1);
      each.end('stop');
    }
    assert.deepEqual([(await first).status, (await second).status], [200, 200]);
    assertIdle();
  });
});

describe('provider: a whole answer', () => {
  it('is answered in OpenAI’s shape with receipt and payment response as headers', async () => {
    const { post, engine, peer, charged, jobs, assertIdle } = await setUp();
    const answer = post(ask({ temperature: 0.5, seed: 7, stop: ['END'] }));
    const run = await engine.next();
    assert.deepEqual(run.request, {
      prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
      maxTokens: 10,
      temperature: 0.5,
      topP: 1,
      seed: 7,
      stop: ['END'],
    });
    run.start(100);
    run.text('Good ', 1, 2);
    run.text('day', 3);
    run.end('stop');
    const response = await answer;
    const body = await response.json();
    assert.equal(body.object, 'chat.completion');
    assert.deepEqual(body.choices[0].message, { role: 'assistant', content: 'Good day', refusal: null });
    assert.equal(body.choices[0].finish_reason, 'stop');
    assert.deepEqual(body.usage, { prompt_tokens: 100, completion_tokens: 3, total_tokens: 103 });
    const jws = response.headers.get(RECEIPT_HEADER) ?? assert.fail('no receipt');
    const receipt = receiptSchema.parse(await verifySigned(jws, peer));
    assert.equal(receipt.charged, charge(OFFERED.price, { input: 100, output: 3 }).toString());
    assert.ok(response.headers.get(PAYMENT_RESPONSE_HEADER));
    assert.deepEqual(
      charged.map(({ receipt: told }) => told),
      [receipt],
    );
    const [job] = jobs.all();
    assert.deepEqual(jobs.states(job?.id ?? ''), ['admitted', 'running', 'delivered', 'charged']);
    assert.deepEqual([job?.charged, job?.receipt, job?.payer], [receipt.charged, jws, 'payer']);
    assertIdle();
  });

  it('costs nothing when the engine dies on it or the requester leaves', async () => {
    const { post, engine, gate, jobs, assertIdle } = await setUp();
    const first = post(ask());
    const run = await engine.next();
    run.start(5);
    run.text('half', 1);
    run.fail('engine-failed');
    await refused(await first, 500, { code: 'engine-failed' });
    const leaving = new AbortController();
    const second = post(ask(), { signal: leaving.signal });
    const next = await engine.next();
    next.start(5);
    next.text('half', 1);
    leaving.abort();
    assert.equal((await second).status, 503);
    assert.ok(next.signal.aborted, 'the engine was stopped');
    assert.deepEqual([gate.cancels, gate.settles], [2, []]);
    assert.deepEqual(
      jobs.all().map(({ state }) => state),
      ['failed', 'aborted'],
    );
    assertIdle();
  });
});

describe('provider: a streamed answer', () => {
  it('begins with the role, ends with reason, usage and the mark, then receipt and payment', async () => {
    const { post, engine, peer, assertIdle } = await setUp();
    const answer = post(ask({ stream: true, stream_options: { include_usage: true } }));
    const run = await engine.next();
    run.start(2);
    run.text('One', 11);
    const events = reading(await answer);
    const opening = await events.next();
    const [role, first] = opening.map(({ data }) => JSON.parse(data));
    assert.deepEqual(role.choices[0].delta, { role: 'assistant', content: '' });
    assert.deepEqual([first.choices[0].delta, first.object], [{ content: 'One' }, 'chat.completion.chunk']);
    run.text(' two', 12);
    run.end('length');
    const rest = await events.rest();
    assert.deepEqual(
      rest.map(
        ({ event, data }) =>
          event ??
          (data === '[DONE]'
            ? data
            : (Object.keys(JSON.parse(data).choices[0] ?? { usage: 1 })[1] ?? 'usage')),
      ),
      ['delta', 'delta', 'usage', '[DONE]', RECEIPT_EVENT, PAYMENT_RESPONSE_EVENT],
    );
    const receipt = receiptSchema.parse(await verifySigned(dataOf(rest, RECEIPT_EVENT), peer));
    assert.deepEqual([receipt.inputTokens, receipt.outputTokens, receipt.finishReason], [2, 2, 'length']);
    assertIdle();
  });

  it('sends everything that is ready in one write', async () => {
    const { post, engine } = await setUp();
    const answer = post(ask({ stream: true }));
    const run = await engine.next();
    run.start(1);
    run.text('a', 1);
    const events = reading(await answer);
    await events.next();
    for (let token = 2; token <= 6; token += 1) run.text('b', token);
    await turn();
    assert.equal(textOf(await events.next()), 'bbbbb');
    run.end('stop');
    await events.rest();
  });

  it('brings token ids when asked for them', async () => {
    const { post, engine } = await setUp();
    const answer = post(ask({ stream: true, return_token_ids: true }));
    const run = await engine.next();
    run.start(1);
    run.text('a', 4, 5);
    run.end('stop');
    const events = await reading(await answer).rest();
    assert.deepEqual(JSON.parse(events[1]?.data ?? '').choices[0].token_ids, [4, 5]);
  });

  it('charges what was taken when the requester leaves', async () => {
    const { post, engine, jobs, charged, assertIdle } = await setUp();
    const answer = post(ask({ stream: true }));
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    const events = reading(await answer);
    await events.next();
    run.text('b', 2);
    await events.next();
    const leaving = events.leave();
    run.text('never seen', 3, 4, 5);
    await leaving;
    await turn();
    assert.ok(run.signal.aborted);
    const [job] = jobs.all();
    assert.equal(job?.state, 'aborted');
    const output = job?.outputTokens ?? 0;
    assert.ok(output >= 1 && output <= 2, 'what was not taken is not charged');
    assert.equal(job?.charged, charge(OFFERED.price, { input: 100, output }).toString());
    assert.equal(charged.length, 1);
    assertIdle();
  });

  it('charges what was delivered when the engine dies, and says so', async () => {
    const { post, engine, peer, jobs, assertIdle } = await setUp();
    const answer = post(ask({ stream: true }));
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    const events = reading(await answer);
    await events.next();
    run.fail('engine-failed');
    const rest = await events.rest();
    assert.equal(JSON.parse(rest[0]?.data ?? '').error.code, 'engine-failed');
    const receipt = receiptSchema.parse(await verifySigned(dataOf(rest, RECEIPT_EVENT), peer));
    assert.deepEqual([receipt.outputTokens, receipt.finishReason], [1, 'failed']);
    assert.equal(receipt.charged, charge(OFFERED.price, { input: 100, output: 1 }).toString());
    assert.ok(!rest.some(({ data }) => data === '[DONE]'));
    assert.deepEqual(
      jobs.all().map(({ state, error }) => [state, error]),
      [['failed', 'engine-failed']],
    );
    assertIdle();
  });

  it('gives up on a requester that takes nothing', async () => {
    const { post, engine, clock, jobs, assertIdle } = await setUp({ limits: { stallMs: 1_000 } });
    const answer = post(ask({ stream: true }));
    const run = await engine.next();
    run.start(1);
    run.text('a', 1);
    const response = await answer;
    clock.advance(1_000);
    await turn();
    await turn();
    assert.ok(run.signal.aborted);
    assert.equal(jobs.all()[0]?.state, 'aborted');
    assert.equal(jobs.all()[0]?.charged, null, 'nothing was taken');
    await assert.rejects(response.text());
    assertIdle();
  });

  it('hands back to the owner at once: what was delivered is charged', async () => {
    const { post, engine, service, jobs, assertIdle } = await setUp();
    const answer = post(ask({ stream: true }));
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    const events = reading(await answer);
    await events.next();
    const given = service.handBack();
    const rest = await events.rest();
    await given;
    assert.equal(JSON.parse(rest[0]?.data ?? '').error.code, 'paused');
    dataOf(rest, RECEIPT_EVENT);
    const [job] = jobs.all();
    assert.deepEqual([job?.state, job?.outputTokens], ['aborted', 1]);
    assertIdle();
  });

  it('closes after its jobs, and takes no new ones meanwhile', async () => {
    const { post, engine, service, jobs, assertIdle } = await setUp();
    const answer = post(ask());
    const run = await engine.next();
    const closed = service.close(5_000);
    await refused(await post(ask()), 503, {});
    run.start(1);
    run.text('a', 1);
    run.end('stop');
    assert.equal((await answer).status, 200);
    await closed;
    assert.equal(jobs.all()[0]?.state, 'charged');
    assertIdle();
  });
});

describe('provider: when the till fails', () => {
  it('keeps the job as delivered with what was intended, for the next start to decide', async () => {
    const { post, engine, jobs, gate, faults } = await setUp();
    const admit = gate.admit.bind(gate);
    gate.admit = async (request) => {
      const admission = await admit(request);
      if (admission.kind === 'admitted') {
        const broken = () => Promise.reject(new Error('the disk is full'));
        return { ...admission, payment: { ...admission.payment, settle: broken } };
      }
      return admission;
    };
    const answer = post(ask());
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    run.end('stop');
    const response = await answer;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get(RECEIPT_HEADER), null);
    const [job] = jobs.all();
    const intended = charge(OFFERED.price, { input: 100, output: 1 }).toString();
    assert.deepEqual([job?.state, job?.charged, job?.cumulative], ['delivered', intended, null]);
    assert.equal(faults.length, 1);
  });
});

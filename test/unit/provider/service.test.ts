/**
 * Verifies: the provider publishes its offer, admits only valid and paid requests, and answers all others with an error
 * in OpenAI's format.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves.
 * Fails if: an invalid request costs money, a limit is not enforced, a slot or channel stays taken.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import type { ModelEngines } from '../../../main/ports/model-engines.ts';
import {
  type Admission,
  CHANNEL_PATH,
  PAYMENT_HEADER,
  PAYMENT_RESPONSE_HEADER,
} from '../../../main/ports/payments.ts';
import { AppError } from '../../../shared/errors.ts';
import { OFFER_PATH } from '../../../shared/offer.ts';
import type { Presence, StorageFault } from '../../../shared/presence.ts';
import { EMBEDDINGS_PATH, MODELS_PATH, REFERENCES_PATH } from '../../../shared/wire.ts';
import { oneModel } from '../../fakes/model-engines.ts';
import { createFakeGate, encode } from '../../fakes/payment-gate.ts';
import { createScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';
import { ask, OFFERED, refused, setUp } from './provider-setup.ts';

describe('provider: public information', () => {
  it('lists its models with price, context, file and speeds, and serves a signed offer', async () => {
    const { service, peer } = await setUp();
    const models = await (await service.app.request(MODELS_PATH)).json();
    assert.equal(models.object, 'list');
    const [model] = models.data;
    const alone = await service.app.request(`${MODELS_PATH}/${OFFERED.id}`);
    assert.deepEqual(await alone.json(), model);
    await refused(await service.app.request(`${MODELS_PATH}/none`), 404, {
      code: 'model_not_found',
      param: 'model',
    });
    assert.deepEqual(
      [model.id, model.object, model.price, model.context_length, model.quantisation, model.sha256],
      [OFFERED.id, 'model', OFFERED.price, 4_096, 'F32', OFFERED.sha256],
    );
    assert.deepEqual([model.prefill_tokens_per_second, model.decode_tokens_per_second], [1_000, 100]);
    const jws = await (await service.app.request(OFFER_PATH)).text();
    assert.equal(((await verifySigned(jws, peer)) as { peer: string }).peer, peer);
  });

  it('shows channels on which it was paid', async () => {
    const references = [{ payer: '0x1', receiver: '0x2' }];
    const { service } = await setUp({ references: () => references });
    assert.deepEqual(await (await service.app.request(REFERENCES_PATH)).json(), references);
  });

  it('answers a GET of a paid path with 402, and what it does not support with an error', async () => {
    const { service } = await setUp();
    const post = { method: 'POST', body: '{}' };
    await refused(await service.app.request(EMBEDDINGS_PATH, post), 400, { param: 'model' });
    await refused(await service.app.request(EMBEDDINGS_PATH), 402, { code: 'voucher-missing' });
    await refused(await service.app.request('/v1/nothing'), 404, { code: 'not-found' });
  });

  it('passes the opening of a channel to the payment gate', async () => {
    const { service, voucher } = await setUp();
    const bare = await service.app.request(CHANNEL_PATH, { method: 'POST' });
    await refused(bare, 402, { code: 'voucher-missing' });
    const opened = await service.app.request(CHANNEL_PATH, { method: 'POST', headers: voucher() });
    assert.equal(opened.status, 200);
    assert.ok(opened.headers.get(PAYMENT_RESPONSE_HEADER));
  });
});

describe('provider: admission', () => {
  it('rejects malformed bodies and unknown parameters before it handles the payment', async () => {
    const { post, assertIdle, jobs } = await setUp();
    await refused(await post('{'), 400, { code: 'invalid_body' });
    await refused(await post(ask({ min_tokens: 1 })), 400, {
      param: 'min_tokens',
      code: 'unsupported_parameter',
    });
    await refused(await post(ask({ n: 5 })), 400, { param: 'n', code: 'invalid_value' });
    await refused(await post(ask({ model: 'other' })), 404, { param: 'model', code: 'model_not_found' });
    await refused(await post('x'.repeat(1_100_000)), 413, { code: 'body_too_large' });
    assert.deepEqual(jobs.all(), []);
    assertIdle();
  });

  it('rejects requests that exceed the context or its limits', async () => {
    const { post, assertIdle } = await setUp({ limits: { promptBytesMax: 1_000, answerTokensMax: 100 } });
    const code = 'context_length_exceeded';
    await refused(await post(ask({ max_tokens: 4_096 })), 400, { param: 'max_tokens', code });
    await refused(await post(ask({ max_tokens: 101 })), 400, { param: 'max_tokens' });
    const long = ask({ messages: [{ role: 'user', content: 'x'.repeat(1_001) }] });
    await refused(await post(long), 400, { code });
    assertIdle();
  });
});

describe('provider: refusals', () => {
  it('releases the payment if the engine rejects the prompt as too long', async () => {
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

  it('answers 402 to a voucher that is too small', async () => {
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

  it('returns the reason of a pause and when to retry', async () => {
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
});

describe('provider: models that have to be loaded', () => {
  it('refuses a model whose memory others take with 503, before and after the payment, and charges nothing', async () => {
    const scripted = createScriptedEngine();
    for (const freeChecks of [0, 1]) {
      let checks = 0;
      const engines: ModelEngines = {
        ...oneModel(scripted),
        availability(id) {
          checks += 1;
          return checks > freeChecks ? { kind: 'no-memory' } : oneModel(scripted).availability(id);
        },
        hold: () => assert.fail('a model without memory was held'),
      };
      const { post, gate, jobs, assertIdle } = await setUp({ engines });
      const response = await post(ask());
      assert.equal(response.headers.get('retry-after'), '10');
      await refused(response, 503, { code: 'paused_no_memory' });
      assert.deepEqual([gate.total(), jobs.all()], [0n, []]);
      assertIdle();
    }
  });

  it('holds the model until the job is concluded, however it ends', async () => {
    const scripted = createScriptedEngine();
    const held: string[] = [];
    const engines: ModelEngines = {
      ...oneModel(scripted),
      hold(id) {
        held.push(id);
        return { generate: scripted.generate, release: () => void held.splice(held.indexOf(id), 1) };
      },
    };
    const { post, assertIdle } = await setUp({ engines });
    for (const end of [
      (run: ScriptedRun) => run.fail('engine-failed'),
      (run: ScriptedRun) => run.end('stop'),
    ]) {
      const answer = post(ask());
      const run = await scripted.next();
      assert.deepEqual(held, [OFFERED.id]);
      run.start(2);
      end(run);
      await (await answer).text();
      assert.deepEqual(held, []);
    }
    assertIdle();
  });
});

describe('provider: requests of one peer', () => {
  it('admits one more request than a buyer has channels: the last one may not have left yet', async () => {
    const { post, engine, voucher, assertIdle } = await setUp();
    const answers: Promise<Response>[] = [];
    const runs: ScriptedRun[] = [];
    for (let index = 0; index < 9; index++) {
      const answer = post(ask(), { headers: voucher(`of-nine-${index}`) });
      answers.push(answer);
      const refusal = answer.then(({ status }) => assert.fail(`request ${index} got ${status}`));
      runs.push(await Promise.race([engine.next(), refusal]));
      refusal.catch(() => undefined);
    }
    for (const run of runs) {
      run.start(1);
      run.text('fine', 1);
      run.end('stop');
    }
    for (const answer of answers) assert.equal((await answer).status, 200);
    assertIdle();
  });

  it('limits the queue, and the requests of each peer', async () => {
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

describe('provider: a disk that takes no records', () => {
  it('reports a disk that takes no records as a pause, whatever the payment gate makes of it', async () => {
    const fault = { reason: null as StorageFault | null };
    const presence = (): Presence =>
      fault.reason === null
        ? { decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null }
        : { decision: 'pause', reason: fault.reason, sinceMs: 0, untilMs: null };
    const failing = await setUp({ presence, gate: { ...createFakeGate(), admit: fail } });
    async function fail(): Promise<never> {
      throw new AppError('disk-full', 'The disk is full.');
    }
    await refused(await failing.post(ask()), 503, { code: 'paused_disk_full' });
    const channel = () => failing.service.app.request(CHANNEL_PATH, { method: 'POST' });
    await refused(await channel(), 503, { code: 'paused_disk_full' });

    const answered: Admission = {
      kind: 'answered',
      status: 402,
      headers: {},
      body: '{}',
      reason: 'deposit-refused',
    };
    const swallowing = await setUp({
      presence,
      gate: {
        ...createFakeGate(),
        async admit() {
          fault.reason = 'disk-unwritable';
          return answered;
        },
      },
    });
    await refused(await swallowing.post(ask()), 503, { code: 'paused_disk_unwritable' });
    fault.reason = null;
    const opening = () => swallowing.service.app.request(CHANNEL_PATH, { method: 'POST' });
    await refused(await opening(), 503, { code: 'paused_disk_unwritable' });
    await refused(await opening(), 503, { code: 'paused_disk_unwritable' });
  });
});

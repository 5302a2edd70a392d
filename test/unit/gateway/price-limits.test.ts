/**
 * Verifies: a buyer never pays a price above the one that it agreed to, and its client reads why nothing was bought.
 * Setup: real provider services with scripted engines on networks in memory; a gateway with the agent's budget.
 * Fails if: a provider that raises its price after its offer was read gets paid, an owner's or a request's maximum is
 * ignored, or a request above a maximum ends without its reason.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createBudget } from '../../../main/core/budget/index.ts';
import type { Network } from '../../../main/ports/network.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { MAX_PRICE_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { createScriptedEngine, type ScriptedEngine } from '../../fakes/scripted-engine.ts';
import { manualUptime } from '../../fakes/uptime.ts';

const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

/** A gateway and a provider for each output price. */
async function setUp(outputPrices: readonly string[], chosen: Partial<Settings> = {}) {
  const clock = manualClock(1_700_000_000_000);
  const buying = await hub.createNetwork();
  await buying.start();
  const networks: Network[] = [buying];
  const providers: (ReturnType<typeof createFakeProvider> & {
    readonly engine: ScriptedEngine;
    readonly model: typeof OFFERED;
  })[] = [];
  for (const outputPerMillion of outputPrices) {
    const network = await hub.createNetwork();
    await network.start();
    networks.push(network);
    const engine = createScriptedEngine();
    const model = { ...OFFERED, price: { inputPerMillion: '20000', outputPerMillion } };
    providers.push({ ...createFakeProvider(network, { clock, models: [model], engine }), engine, model });
    await buying.connect(network.addresses()[0] ?? '');
  }
  const budget = createBudget({
    records: createMemoryRecordStore(),
    clock,
    uptime: manualUptime(clock),
    log: createRecordingLog(),
    settings: () => ({ ...DEFAULT_SETTINGS, ...chosen }),
    depositUsual: 1_000_000n,
  });
  const gateway = await createFakeGateway(buying, { clock, budget });
  await gateway.directory.find(null);
  closers.push(async () => {
    await gateway.stop();
    for (const network of networks) await network.stop();
  });
  async function ask(maxPrice?: string) {
    const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        ...(maxPrice === undefined ? {} : { [MAX_PRICE_HEADER]: maxPrice }),
      },
      body: JSON.stringify({ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 }),
    });
    const body = await response.json();
    return { status: response.status, code: body.error?.code ?? null, message: body.error?.message ?? '' };
  }
  /** Answers the next request at a provider. */
  async function answer(index: number) {
    const run = await (providers[index] ?? assert.fail()).engine.next();
    run.start(1);
    run.text('fine', 1, 2);
    run.end('stop');
  }
  /** Makes a provider one that has delivered a valid receipt. */
  function prove(index: number) {
    const peer = networks[index + 1]?.key.peer ?? assert.fail();
    const { price } = OFFERED;
    budget.openRequest(null).hold(peer, 9n).end({ kind: 'proven', charged: 9n, model: 'other', price });
  }
  return { gateway, providers, ask, answer, prove, first: providers[0] ?? assert.fail() };
}

describe('the price that a buyer agreed to', () => {
  it('does not pay a price that a provider raised 125,000-fold after its offer was read', async () => {
    const { first, ask, gateway } = await setUp(['80000']);
    first.model.price.outputPerMillion = '10000000000';
    const refused = await ask();
    assert.deepEqual([refused.status, refused.code], [402, 'price_above_limit']);
    await gateway.gateway.idle();
    assert.equal(gateway.payer.paid(), 0n);
    assert.equal(gateway.payer.open(), 0);
  });

  it('buys from the next provider instead, at its price', async () => {
    const { first, ask, answer, prove, gateway, providers } = await setUp(['80000', '90000']);
    prove(1);
    first.model.price.outputPerMillion = '10000000000';
    const response = ask();
    await answer(1);
    assert.equal((await response).status, 200);
    await gateway.gateway.idle();
    assert.deepEqual([first.gate.total(), providers[1]?.gate.total()], [0n, gateway.payer.paid()]);
  });

  it('tries a provider whose price rose within the limit after the ones that are cheaper now', async () => {
    const { first, ask, answer, prove, gateway } = await setUp(['80000', '200000']);
    prove(1);
    first.model.price.outputPerMillion = '390000';
    const response = ask();
    await answer(1);
    assert.equal((await response).status, 200);
    await gateway.gateway.idle();
    assert.equal(first.gate.total(), 0n);
  });
});

describe('the maximum price', () => {
  it('has a fixed upper end, even if every offer is above it', async () => {
    const { ask } = await setUp(['8000001', '9000000', '10000000000']);
    const refused = await ask();
    assert.deepEqual([refused.status, refused.code], [402, 'price_above_limit']);
    assert.match(refused.message, /\(input=100000; output=8000000\).*input=20000; output=8000001/);
  });

  it('derives the limit from the median of the offers, and keeps the one of a price that was paid', async () => {
    const { ask, answer, providers, gateway } = await setUp(['200000', '300000', '5000000']);
    const paid = ask();
    await answer(0);
    assert.equal((await paid).status, 200);
    await gateway.gateway.idle();
    for (const { model } of providers) model.price.outputPerMillion = '800001';
    for (const { peer } of gateway.directory.providers()) await gateway.directory.refresh(peer);
    assert.equal((await ask()).code, 'price_above_limit');
    for (const { model } of providers) model.price.outputPerMillion = '800000';
    for (const { peer } of gateway.directory.providers()) await gateway.directory.refresh(peer);
    const again = ask();
    await answer(0);
    assert.equal((await again).status, 200);
    await gateway.gateway.idle();
  });

  it('obeys the maximum of the request, and rejects one that it can’t read', async () => {
    const { ask, answer, gateway } = await setUp(['80000']);
    assert.equal((await ask('input=20000; output=79999')).code, 'price_above_limit');
    assert.equal((await ask('input=19999; output=80000')).code, 'price_above_limit');
    const enough = ask('input=20000; output=80000');
    await answer(0);
    assert.equal((await enough).status, 200);
    for (const header of ['80000', 'input=-1; output=2', 'input=1', `input=1; output=${'9'.repeat(16)}`]) {
      assert.deepEqual([(await ask(header)).status, (await ask(header)).code], [400, 'invalid_value']);
    }
    await gateway.gateway.idle();
  });

  it('pays more than the derived limit only if the request agrees to it', async () => {
    const { ask, answer, gateway } = await setUp(['9000000']);
    assert.equal((await ask()).code, 'price_above_limit');
    const agreed = ask('input=20000; output=9000000');
    await answer(0);
    assert.equal((await agreed).status, 200);
    await gateway.gateway.idle();
  });

  it('never exceeds the owner’s maximum, whatever the request agrees to', async () => {
    const general = await setUp(['80000'], { buyPriceOutputMax: '70000' });
    assert.equal((await general.ask('input=20000; output=90000')).code, 'price_above_limit');
    const own = { model: OFFERED.id, inputPerMillion: '20000', outputPerMillion: '79999' };
    const byModel = await setUp(['80000'], { buyModelPrices: [own], buyPriceOutputMax: '90000' });
    assert.equal((await byModel.ask('input=20000; output=90000')).code, 'price_above_limit');
  });

  it('answers 402 with the budget that a request exceeds', async () => {
    const request = await setUp(['80000'], { buyRequestMax: '1' });
    const exceeded = await request.ask();
    assert.deepEqual([exceeded.status, exceeded.code], [402, 'request_budget_exceeded']);
    const day = await setUp(['80000'], { buyDayMax: '1' });
    assert.deepEqual([(await day.ask()).status, (await day.ask()).code], [402, 'daily_budget_spent']);
  });
});

describe('providers without receipts', () => {
  it('costs a request one try, and the next request goes to another one', async () => {
    const { ask, answer, providers, gateway } = await setUp(['80000', '80001', '80002']);
    const failing = ask();
    (await (providers[0] ?? assert.fail()).engine.next()).fail('engine-failed');
    assert.equal((await failing).status, 500);
    const next = ask();
    await answer(1);
    assert.equal((await next).status, 200);
    await gateway.gateway.idle();
    assert.equal(providers[2]?.jobs.all().length, 0);
  });

  it('does not hide one that has proven itself behind more strangers than a search passes over', async () => {
    const cheaper = Array.from({ length: 66 }, (_, index) => String(80_000 + index));
    const { ask, answer, prove, providers, gateway } = await setUp([...cheaper, '90000']);
    prove(66);
    const response = ask();
    (await (providers[0] ?? assert.fail()).engine.next()).fail('engine-failed');
    answer(66).catch(() => {});
    assert.equal((await response).status, 200);
    await gateway.gateway.idle();
    assert.equal(providers[1]?.jobs.all().length, 0);
  });

  it('does not keep a request from a provider that has proven itself', async () => {
    const { ask, answer, prove, providers, gateway } = await setUp(['80000', '80001', '80002']);
    prove(2);
    const response = ask();
    (await (providers[0] ?? assert.fail()).engine.next()).fail('engine-failed');
    await answer(2);
    assert.equal((await response).status, 200);
    await gateway.gateway.idle();
  });

  it('does not keep a request from others by refusing it', async () => {
    for (const [status, code] of [
      [400, 'invalid_value'],
      [404, 'model_not_found'],
      [503, 'chain-unavailable'],
    ] as const) {
      const { first, ask, answer, prove, gateway } = await setUp(['80000', '80001']);
      prove(1);
      first.gate.admit = async () => ({
        kind: 'answered',
        status,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ error: { message: 'no', type: 'x', param: null, code } }),
        reason: 'voucher-refused',
      });
      const response = ask();
      await answer(1);
      assert.equal((await response).status, 200, code);
      await gateway.gateway.idle();
    }
  });
});

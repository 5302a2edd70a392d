/**
 * Verifies: a gateway checks a bill before it accepts the charge. A false bill is not paid, its channel is not used again,
 * and its provider is left out; a provider that hides its bill is found by the charge that is learned from it.
 * Setup: real provider services on networks in memory that falsify what they sign or send, and a real gateway.
 * Fails if: a false bill is recorded as paid, or as free for the budget, the next request goes to the same provider, the client loses its answer.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { type HoldEnd, UNLIMITED } from '../../../main/core/budget/index.ts';
import type { Tokenizer } from '../../../main/ports/tokenizer.ts';
import { RECEIPT_EVENT, type Receipt } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';

const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A gateway, a provider whose receipts pass through `falsify`, and an honest one that is more expensive. */
async function setUp(falsify: (receipt: Receipt) => Receipt, tokenizer?: Tokenizer) {
  const buying = await hub.createNetwork();
  await buying.start();
  const open = async (outputPerMillion: string, change: (receipt: Receipt) => Receipt) => {
    const network = await hub.createNetwork();
    await network.start();
    const engine = createScriptedEngine();
    const sign = (payload: object) =>
      network.key.sign('tokenHash' in payload ? change(payload as Receipt) : payload);
    const model = { ...OFFERED, price: { ...OFFERED.price, outputPerMillion } };
    const provider = createFakeProvider(
      { ...network, key: { ...network.key, sign } },
      { models: [model], engine },
    );
    await buying.connect(network.addresses()[0] ?? '');
    return { ...provider, engine, network };
  };
  const dishonest = await open('7000000', falsify);
  const honest = await open('7000001', (receipt) => receipt);
  const reasons: string[] = [];
  const ends: HoldEnd[] = [];
  const hold = () => ({
    begin: () => undefined,
    end: (end: HoldEnd) => void ends.push(end),
    learned: () => undefined,
  });
  const gateway = await createFakeGateway(buying, {
    ...(tokenizer && { tokenizer }),
    budget: { ...UNLIMITED, openRequest: (most) => ({ ...UNLIMITED.openRequest(most), hold }) },
    onFalseBill: (_, reason) => reasons.push(reason),
  });
  await gateway.directory.find(null);
  closers.push(async () => {
    await gateway.stop();
    for (const { stop } of [buying, dishonest.network, honest.network]) await stop();
  });
  async function ask(run: Promise<ScriptedRun>, text: string, ...tokens: number[]): Promise<string> {
    const answer = fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: OFFERED.id,
        messages: [{ role: 'user', content: 'Hi, what is your name?' }],
        max_tokens: 300,
      }),
    });
    const script = await run;
    script.start(20);
    script.text(text, ...tokens);
    script.end('stop');
    const body = await (await answer).json();
    await gateway.gateway.idle();
    while (gateway.payer.open() > 0) await turn();
    return body.choices[0].message.content;
  }
  return { dishonest, honest, gateway, reasons, ends, ask };
}

async function assertRefused(opened: Awaited<ReturnType<typeof setUp>>, reason: string): Promise<void> {
  const { gateway, honest, reasons, ends, ask } = opened;
  const [job] = gateway.jobs.all();
  assert.deepEqual([job?.state, job?.error, job?.charged], ['failed', 'receipt-refused', null]);
  assert.deepEqual([reasons, gateway.payer.ends, gateway.payer.paid()], [[reason], ['disputed'], 0n]);
  assert.deepEqual(ends, [{ kind: 'failed', charged: null }], 'the budget counts what may be claimed');
  assert.equal(await ask(honest.engine.next(), 'honest', 1), 'honest', 'the next request goes elsewhere');
  assert.equal(gateway.payer.paid(), honest.gate.total());
  assert.deepEqual(gateway.faults, []);
}

it('refuses tokens that the text has no bytes for', async () => {
  const opened = await setUp((receipt) => receipt);
  const tokens = Array.from({ length: 250 }, (_, index) => index);
  assert.equal(await opened.ask(opened.dishonest.engine.next(), 'short', ...tokens), 'short');
  await assertRefused(opened, 'output-bytes');
});

it('refuses an input count that the model’s vocabulary contradicts', async () => {
  const recounted: unknown[] = [];
  const opened = await setUp((receipt) => receipt, {
    async recount(request) {
      recounted.push(request);
      return { inputTokens: 10, outputText: 'fine', textTokens: 2 };
    },
  });
  assert.equal(await opened.ask(opened.dishonest.engine.next(), 'fine', 1, 2), 'fine');
  const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'Hi, what is your name?' }] };
  assert.deepEqual(
    recounted,
    [{ prompt, stop: [], sha256: OFFERED.sha256, tokens: [1, 2], text: 'fine' }].map((expected) => ({
      ...(recounted[0] as object),
      ...expected,
    })),
  );
  const [job] = opened.gateway.jobs.all();
  assert.deepEqual([job?.error, job?.charged, opened.reasons], ['receipt-refused', null, ['input-recount']]);
});

it('refuses a receipt with a charge that differs from the payment response', async () => {
  const opened = await setUp((receipt) => ({ ...receipt, charged: '1' }));
  assert.equal(await opened.ask(opened.dishonest.engine.next(), 'fine', 1, 2), 'fine');
  await assertRefused(opened, 'payment-response');
});

it('leaves out a provider that hides its bill and charges more than it delivered', async () => {
  const opened = await setUp((receipt) => receipt);
  const { dishonest, gateway, reasons } = opened;
  // Everything after the end mark is cut off, and the ceiling is charged.
  const admit = dishonest.gate.admit.bind(dishonest.gate);
  dishonest.gate.admit = async (request) => {
    const admission = await admit(request);
    if (admission.kind !== 'admitted') return admission;
    const { payment } = admission;
    return { ...admission, payment: { ...payment, settle: () => payment.settle(request.ceiling) } };
  };
  const { app } = dishonest.service;
  const original = app.fetch.bind(app);
  const cutting: typeof app.fetch = async (...parameters) => {
    const response = await original(...parameters);
    if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) return response;
    const decoder = new TextDecoder();
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        if (!decoder.decode(bytes).includes(RECEIPT_EVENT)) controller.enqueue(bytes);
      },
    });
    return new Response(response.body?.pipeThrough(cut), response);
  };
  Object.assign(app, { fetch: cutting });
  assert.equal(await opened.ask(dishonest.engine.next(), 'fine', 1, 2), 'fine');
  const [job] = gateway.jobs.all();
  assert.equal(job?.charged, dishonest.gate.total().toString(), 'the voucher covers it, so it is recorded');
  assert.ok(dishonest.gate.total() > charge(OFFERED.price, { input: 20, output: 2 }));
  assert.deepEqual([job?.error, reasons], ['receipt-refused', ['charge']]);
  assert.equal(await opened.ask(opened.honest.engine.next(), 'honest', 1), 'honest');
});

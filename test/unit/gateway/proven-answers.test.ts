/**
 * Verifies: a bought answer can be checked: each request has a seed that the provider didn't choose, and the answer is
 * passed on with what its receipt covers, but only if the receipt was accepted.
 * Setup: a real provider service with a scripted engine on a network in memory, and a real gateway.
 * Fails if: a provider can choose its seed, a refused or another request's answer is checked, a seed of the client is lost, or
 * a request with limits of its own, of a customer or of a batch, may be shown to others.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import type { ProvenAnswer } from '../../../main/core/answer-checks/index.ts';
import { NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';
import { readChat } from '../../../shared/openai.ts';
import type { Price } from '../../../shared/price.ts';
import { CHAT_PATH, MAX_PRICE_HEADER } from '../../../shared/wire.ts';
import { createTestKeys } from '../../fakes/gateway-keys.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

const APPLIED = { method: 'gumbel-max', temperature: 1, topP: 1, topK: 40, minP: 0 } as const;
const hub = createFakeHub();
const [selling, buying] = [await hub.createNetwork(), await hub.createNetwork()];
await selling.start();
await buying.start();
const engine = createScriptedEngine();
createFakeProvider(selling, { models: [OFFERED], engine });
await buying.connect(selling.addresses()[0] ?? '');
const proven: ProvenAnswer[] = [];
const reasons: string[] = [];
const keys = createTestKeys();
const gateway = await createFakeGateway(buying, {
  keys,
  onProven: (answer) => proven.push(answer),
  onFalseBill: (_, reason) => reasons.push(reason),
});
await gateway.directory.find(null);
after(async () => {
  await gateway.stop();
  await buying.stop();
  await selling.stop();
});

async function serve(shift = 0): Promise<number> {
  const run = await engine.next();
  const { seed } = run.request;
  assert.ok(seed !== null);
  run.start(20, 0, { ...APPLIED, seed: seed + shift, promptHash: 'a'.repeat(64) });
  run.text('Hello', 5, 6);
  run.end('stop');
  return seed;
}

/** Buys an answer that was sampled with the seed that was sent, plus `shift`. Returns that seed. */
async function buy(asked: object, shift = 0, headers: Record<string, string> = {}): Promise<number> {
  const answer = fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }], ...asked }),
  });
  const seed = await serve(shift);
  await (await answer).text();
  await gateway.gateway.idle();
  return seed;
}

it('each request has the seed of its client, or another random one', async () => {
  assert.equal(await buy({ seed: 77 }), 77);
  const seeds = [await buy({}), await buy({}), await buy({})];
  assert.equal(new Set(seeds).size, 3, 'three equal seeds are as likely as winning a lottery twice');
});

it('an answer is passed on with its request, its tokens and what the receipt says of its sampling', async () => {
  proven.length = 0;
  const seed = await buy({ max_tokens: 9 });
  const [answer] = proven;
  assert.equal(proven.length, 1);
  assert.deepEqual(answer?.tokens, [5, 6]);
  assert.deepEqual(answer.sampling, { ...APPLIED, seed, promptHash: 'a'.repeat(64) });
  assert.deepEqual([answer.peer, answer.sha256, answer.asked.seed], [selling.key.peer, OFFERED.sha256, seed]);
  assert.equal(gateway.jobs.all().at(0)?.state, 'charged');
});

/** Buys a line of a batch with this key and price limit. */
async function buyLine(keyId: string, priceMax: Price | null): Promise<void> {
  const bought = gateway.gateway.lines.buy({
    ...{ path: CHAT_PATH, body: { model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }] } },
    ...{ keyId, priceMax, signal: new AbortController().signal },
    onSending: async () => undefined,
    onAnswer: async () => undefined,
  });
  await Promise.all([bought, serve()]);
}

async function sellToCustomer(): Promise<void> {
  const answer = gateway.gateway.answers.begin({
    asked: readChat({ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }] }),
    ...{ sha256: OFFERED.sha256, priceMax: OFFERED.price, costMax: 10n ** 9n },
    requester: new AbortController().signal,
  });
  const [begun] = await Promise.all([answer, serve()]);
  while ((await begun.next()).end === null);
  await begun.conclude();
}

it('only a request without limits of its own may be shown to others, and no batch to strangers', async () => {
  const limited = keys.add({ ...NO_KEY_LIMITS, name: 'Limited', totalMax: '1000000000' });
  const free = keys.add({ ...NO_KEY_LIMITS, name: 'Free', requestsPerMinuteMax: 100 });
  const withKey = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const from = async (purchase: () => Promise<unknown>) => {
    proven.length = 0;
    await purchase();
    await gateway.gateway.idle();
    return proven.map(({ opinionsFrom }) => opinionsFrom);
  };
  assert.deepEqual(await from(() => buy({}, 0, withKey(free.secret))), ['anybody']);
  assert.deepEqual(await from(() => buy({}, 0, withKey(limited.secret))), ['nobody']);
  const maximum = { [MAX_PRICE_HEADER]: 'input=900000; output=900000' };
  assert.deepEqual(await from(() => buy({}, 0, maximum)), ['nobody']);
  assert.deepEqual(await from(() => buyLine(free.key.id, null)), ['known']);
  assert.deepEqual(await from(() => buyLine(free.key.id, OFFERED.price)), ['nobody']);
  assert.deepEqual(await from(() => buyLine(limited.key.id, null)), ['nobody']);
  assert.deepEqual(await from(sellToCustomer), ['nobody']);
});

// The last one: nothing is bought from the provider afterwards.
it('an answer whose receipt has another seed is refused, and not passed on', async () => {
  proven.length = 0;
  await buy({}, 1);
  assert.deepEqual([proven, reasons], [[], ['sampling']]);
});

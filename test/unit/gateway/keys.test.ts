/**
 * Verifies: a client's key decides whether and how much it may buy, in the error format of its API; what it bought
 * counts for its key, stays counted, and names it.
 * Setup: real gateway and provider services with a scripted engine on a network in memory; the real keys on records in
 * memory; a clock that the test moves.
 * Fails if: a key buys more than its budget, a limit isn't an error that clients understand, or one key's requests count
 * for another.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type NewKey, NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createTestKeys } from '../../fakes/gateway-keys.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

const PRICED = { ...OFFERED, price: { inputPerMillion: '1000000', outputPerMillion: '1000000' } };
const TOKENS_MAX = 10;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const clock = manualClock(Date.UTC(2026, 10, 29, 12));
const keys = createTestKeys({ clock });
const engine = createScriptedEngine();
const hub = createFakeHub();
let gateway: Awaited<ReturnType<typeof createFakeGateway>>;
const closers: (() => Promise<void>)[] = [];

before(async () => {
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  await buying.start();
  await selling.start();
  createFakeProvider(selling, { clock, models: [PRICED], engine });
  await buying.connect(selling.addresses()[0] ?? '');
  gateway = await createFakeGateway(buying, { clock, keys });
  await gateway.directory.find(null);
  closers.push(
    gateway.stop,
    () => buying.stop(),
    () => selling.stop(),
  );
});
after(async () => {
  for (const close of closers) await close();
});

const add = (limits: Partial<NewKey>) => {
  const { key, secret } = keys.add({ ...NO_KEY_LIMITS, name: 'a', ...limits });
  const spent = () => keys.list().find(({ id }) => id === key.id)?.spentTotal;
  return { id: key.id, secret, spent };
};

const post = (path: string, headers: Record<string, string>, more: object = {}) =>
  fetch(`${gateway.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: PRICED.id,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: TOKENS_MAX,
      ...more,
    }),
  });
const chat = (secret: string, more: object = {}) =>
  post('/chat/completions', { authorization: `Bearer ${secret}` }, more);
const messages = (secret: string) => post('/messages', { 'x-api-key': secret });

async function errorOf(response: Response) {
  const { error } = (await response.json()) as { error: { type: string; code?: string; message: string } };
  return { status: response.status, retryAfter: response.headers.get('retry-after'), ...error };
}

/** Lets the engine answer the next request with so many tokens. */
async function answered(asked: Promise<Response>, tokens: number): Promise<Response> {
  const run = await engine.next();
  run.start(4);
  for (let made = 0; made < tokens; made += 1) run.text('a', made);
  run.end('stop');
  const response = await asked;
  assert.equal(response.status, 200, await response.clone().text());
  await response.text();
  await gateway.gateway.idle();
  return response;
}

test('an unknown, an expired and a revoked key get 401, in each API’s format', async () => {
  const expiring = add({ expiresAtMs: clock.now() + 1 });
  const revoked = add({});
  clock.advance(1);
  keys.revoke(revoked.id);
  for (const secret of ['iw-unknown', expiring.secret, revoked.secret]) {
    const { status, type, code } = await errorOf(await chat(secret));
    assert.deepEqual([status, type, code], [401, 'authentication_error', 'invalid_api_key']);
    const anthropic = await errorOf(await messages(secret));
    assert.deepEqual([anthropic.status, anthropic.type], [401, 'authentication_error']);
  }
  const { message } = await errorOf(await chat(expiring.secret));
  assert.equal(message, 'The API key expired on 2026-11-29.');
});

test('a purchase counts for the key that bought it, streamed or not', async () => {
  const [one, other] = [add({}), add({})];
  await answered(chat(one.secret), 4);
  const charged = BigInt(gateway.bought.at(-1)?.job.charged ?? 0);
  assert.ok(charged > 0n);
  assert.equal(one.spent(), charged.toString());
  await answered(chat(one.secret, { stream: true }), 4);
  assert.equal(one.spent(), (charged * 2n).toString());
  assert.equal(other.spent(), '0');
});

test('a bought job has the key that bought it, by its name at that time; this machine’s own key has no name', async () => {
  const key = add({ name: 'Editor' });
  await answered(chat(key.secret), 1);
  keys.revoke(key.id);
  assert.deepEqual(gateway.bought.at(-1)?.job.apiKey, { id: key.id, name: 'Editor' });
  await answered(chat(keys.ownSecret()), 1);
  assert.deepEqual(gateway.bought.at(-1)?.job.apiKey, { id: keys.list()[0]?.id, name: null });
});

test('a raised budget buys what was above it before', async () => {
  const key = add({ totalMax: '5' });
  assert.equal((await chat(key.secret)).status, 402);
  keys.change(key.id, { ...NO_KEY_LIMITS, totalMax: '1000' });
  await answered(chat(key.secret), 1);
});

test('a request above the key’s budget gets 402 insufficient_quota and buys nothing; a smaller one is bought', async () => {
  const key = add({ totalMax: '1000' });
  const jobs = gateway.jobs.all().length;
  const refused = await errorOf(await chat(key.secret, { max_tokens: 1_500 }));
  assert.deepEqual(
    [refused.status, refused.type, refused.code],
    [402, 'insufficient_quota', 'insufficient_quota'],
  );
  assert.match(refused.message, /API key’s budget\. Lower max_tokens/);
  assert.equal(gateway.jobs.all().length, jobs);
  assert.equal(key.spent(), '0');
  await answered(chat(key.secret), 2);
  const used = add({ dayMax: '0' });
  const anthropic = await errorOf(await messages(used.secret));
  assert.deepEqual([anthropic.status, anthropic.type], [402, 'billing_error']);
  assert.equal(
    (await fetch(`${gateway.baseUrl}/models`, { headers: { 'x-api-key': used.secret } })).status,
    200,
  );
});

test('requests above the key’s rate get 429 with Retry-After; listing models is free', async () => {
  const key = add({ requestsPerMinuteMax: 1 });
  await answered(chat(key.secret), 1);
  clock.advance(20_000);
  const { status, type, code, retryAfter } = await errorOf(await chat(key.secret));
  assert.deepEqual([status, type, code, retryAfter], [429, 'rate_limit_error', 'rate_limit_exceeded', '40']);
  const anthropic = await errorOf(await messages(key.secret));
  assert.deepEqual([anthropic.status, anthropic.type], [429, 'rate_limit_error']);
  const models = await fetch(`${gateway.baseUrl}/models`, { headers: { 'x-api-key': key.secret } });
  assert.equal(models.status, 200);
  clock.advance(40_000);
  await answered(chat(key.secret), 1);
});

test('concurrent requests above the key’s limit get 429; a refused or ended one frees its place', async () => {
  const key = add({ concurrentMax: 1 });
  assert.equal((await chat(key.secret, { temperature: 9 })).status, 400);
  const running = chat(key.secret, { stream: true });
  const run = await engine.next();
  run.start(4);
  run.text('a', 0);
  const { status, retryAfter } = await errorOf(await chat(key.secret));
  assert.deepEqual([status, retryAfter], [429, '2']);
  run.end('stop');
  await (await running).text();
  await gateway.gateway.idle();
  await answered(chat(key.secret), 1);
});

test('requests in progress of a revoked key end normally, and are paid', async () => {
  const key = add({});
  const running = chat(key.secret, { stream: true });
  const run = await engine.next();
  run.start(4);
  run.text('a', 0);
  await turn();
  keys.revoke(key.id);
  const bought = gateway.bought.length;
  run.end('stop');
  assert.match(await (await running).text(), /\[DONE\]/);
  await gateway.gateway.idle();
  assert.equal(gateway.bought.length, bought + 1);
});

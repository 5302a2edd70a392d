/**
 * Verifies: a bought answer can be checked: each request has a seed that the provider didn't choose, and the answer is
 * passed on with what its receipt covers, but only if the receipt was accepted.
 * Setup: a real provider service with a scripted engine on a network in memory, and a real gateway.
 * Fails if: a provider can choose its seed, a refused or another request's answer is checked, or a seed of the client is lost.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import type { ProvenAnswer } from '../../../main/core/answer-checks/index.ts';
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
const gateway = await createFakeGateway(buying, {
  onProven: (answer) => proven.push(answer),
  onFalseBill: (_, reason) => reasons.push(reason),
});
await gateway.directory.find(null);
after(async () => {
  await gateway.stop();
  await buying.stop();
  await selling.stop();
});

/** Buys an answer that was sampled with the seed that was sent, plus `shift`. Returns that seed. */
async function buy(asked: object, shift = 0): Promise<number> {
  const answer = fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }], ...asked }),
  });
  const run = await engine.next();
  const { seed } = run.request;
  assert.ok(seed !== null);
  run.start(20, 0, { ...APPLIED, seed: seed + shift, promptHash: 'a'.repeat(64) });
  run.text('Hello', 5, 6);
  run.end('stop');
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

it('an answer whose receipt has another seed is refused, and not passed on', async () => {
  proven.length = 0;
  await buy({}, 1);
  assert.deepEqual([proven, reasons], [[], ['sampling']]);
});

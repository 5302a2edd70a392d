/**
 * Verifies: the storefront buys what it sells within what was paid, fails over to another provider, and reports to its buyer
 *   what the market charges.
 * Setup: a gateway with providers in memory whose engines are scripted, and the market in the place of an engine.
 * Fails if: a provider is paid more than the sale allows, an answer ends with its first provider, a count is lost, or the first
 *   offers are missing for a second.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aboveLimit, type Budget, UNLIMITED } from '../../../main/core/budget/index.ts';
import type { Provider } from '../../../main/core/network/index.ts';
import { createMarketEngines, createMarketOffers } from '../../../main/core/storefront/index.ts';
import { marketModels, withMargin, withoutMargin } from '../../../main/core/storefront/prices.ts';
import type { GenerateEvent, GenerateRequest } from '../../../main/ports/engine.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { closeMarkets, moreExpensive, OFFERED, setUp, turn } from '../gateway/scripted-market.ts';

after(closeMarkets);

const MARGIN = 10;
const REQUEST: GenerateRequest = {
  prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
  ...{ maxTokens: 9, temperature: 1, topP: 1, seed: 7, stop: [] },
};

/** Limits the price as the owner's budget does, and nothing else. */
const PRICES_ONLY: Pick<Budget, 'openRequest' | 'isTrusted' | 'takeOpinionPlace'> = {
  ...UNLIMITED,
  openRequest: (priceMax) => ({
    ...UNLIMITED.openRequest(null),
    priceLimit: () => ({ inputPerMillion: '0', outputPerMillion: '0', ...priceMax }),
    aboveLimit: () => aboveLimit('price_above_limit', 'Too expensive.'),
  }),
};

async function openMarket(models: Parameters<typeof setUp>[0]) {
  const market = await setUp(models, {}, () => ({ budget: PRICES_ONLY }));
  const known = () => marketModels(market.gateway.directory.providers(), () => true);
  const engines = createMarketEngines({
    answers: market.gateway.gateway.answers,
    find: (id) => known().find((model) => model.id === id) ?? null,
    marginPercent: () => MARGIN,
    slots: 4,
  });
  const [model] = known();
  assert.ok(model);
  const price = withMargin(model.price, MARGIN);
  const events: GenerateEvent[] = [];
  const leaving = new AbortController();
  async function generate(at = price) {
    for await (const event of engines.hold(OFFERED.id, at).generate(REQUEST, leaving.signal))
      events.push(event);
    return events;
  }
  return { ...market, engines, price, model, events, leaving, generate };
}

const textOf = (events: readonly GenerateEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

test('compares a market with offers once a second, and has the first offers immediately', () => {
  const clock = manualClock(1_000);
  const asked = { times: 0 };
  let providers: readonly Provider[] = [];
  const offers = createMarketOffers({
    ...{ key: {} as PeerKey, clock, networkId: 'practice', marginPercent: () => MARGIN, slots: 4 },
    gate: { asset: {} as never, payout: '0x1' },
    providers() {
      asked.times += 1;
      return providers;
    },
    accepts: () => true,
  });
  const offering = (models: readonly object[]): readonly Provider[] => [
    { peer: 'first', offer: { models } as unknown as Provider['offer'] },
  ];
  for (const none of [[], offering([])]) {
    providers = none;
    assert.equal(offers.find(OFFERED.id), null);
  }
  providers = offering([OFFERED]);
  assert.equal(offers.find(OFFERED.id)?.providers, 1);
  const { times } = asked;
  assert.equal(offers.first(), OFFERED.id);
  assert.equal(asked.times, times, 'less than a second has passed');
  providers = [];
  clock.advance(1_000);
  assert.equal(offers.find(OFFERED.id), null);
});

test('buys an answer, and reports the counts that its provider charges', async () => {
  const { first, generate, engines, assertIdle } = await openMarket([OFFERED]);
  const generating = generate();
  const run = await first.engine.next();
  run.start(3);
  run.text('fine', 1, 2);
  run.end('stop');
  const events = await generating;
  assert.equal(textOf(events), 'fine');
  const end = events.at(-1);
  assert.ok(end?.type === 'end');
  assert.deepEqual([end.reason, end.inputTokens, end.outputTokens], ['stop', 3, 2]);
  assert.deepEqual(engines.availability('unknown'), { kind: 'unknown' });
  await assertIdle();
});

test('continues at another provider, whose price the sale covers', async () => {
  const { providers, price, model, generate, assertIdle } = await openMarket([OFFERED, moreExpensive(1)]);
  assert.equal(model.providers, 2);
  assert.equal(model.price.outputPerMillion, '7000001', 'the higher price is the market’s');
  assert.ok(BigInt(withoutMargin(price, MARGIN).outputPerMillion) >= 7_000_001n);
  const generating = generate();
  const [cheap, other] = providers;
  assert.ok(cheap && other);
  const run = await cheap.engine.next();
  run.start(3);
  run.text('one ', 1);
  await turn();
  run.fail('engine-failed');
  const rest = await other.engine.next();
  rest.start(4);
  rest.text('two', 2);
  rest.end('stop');
  const events = await generating;
  assert.equal(textOf(events), 'one two');
  const end = events.at(-1);
  assert.ok(end?.type === 'end');
  assert.deepEqual([end.inputTokens, end.outputTokens], [7, 2], 'both parts are paid for');
  await assertIdle();
});

test('buys nothing above the price of the sale, and asks its buyer for no other payment', async () => {
  const { price, generate, gateway, assertIdle } = await openMarket([OFFERED]);
  const lower = { ...price, outputPerMillion: (BigInt(price.outputPerMillion) - 1_000_000n).toString() };
  await assert.rejects(generate(lower), { code: 'no-provider' });
  assert.equal(gateway.payer.paid(), 0n);
  await assertIdle();
});

test('counts for a buyer that leaves what its provider charges, although the receipt is lost', async () => {
  const { first, gateway, generate, leaving, events, price, assertIdle } = await openMarket([OFFERED]);
  const generating = generate();
  const run = await first.engine.next();
  run.start(3);
  run.text('one ', 1);
  while (textOf(events) === '') await turn();
  leaving.abort();
  await turn();
  run.end('aborted');
  await generating;
  await assertIdle();
  const end = events.at(-1);
  assert.ok(end?.type === 'end' && end.reason === 'aborted');
  const paid = gateway.payer.paid();
  assert.ok(paid > 0n);
  const sold =
    BigInt(price.inputPerMillion) * BigInt(end.inputTokens) +
    BigInt(price.outputPerMillion) * BigInt(end.outputTokens);
  assert.ok(amount((sold + 999_999n) / 1_000_000n) >= paid, 'no loss');
});

test('counts offers up to half above the cheapest one of the same file', () => {
  const offer = (price: number, sha256 = OFFERED.sha256) => ({
    ...OFFERED,
    sha256,
    price: { inputPerMillion: String(price), outputPerMillion: String(price) },
  });
  const models = [offer(100), offer(150), offer(151), offer(90_000), offer(120, 'e'.repeat(64))];
  const providers = models.map((model) => ({ offer: { models: [model] } })) as never;
  const [found] = marketModels(providers, () => true);
  assert.equal(found?.providers, 2);
  assert.deepEqual(found?.price, { inputPerMillion: '150', outputPerMillion: '150' });
  assert.deepEqual(
    marketModels(providers, () => false),
    [],
  );
  for (const units of ['1', '7', '99', '1000001']) {
    const price = { inputPerMillion: units, outputPerMillion: units };
    const back = withoutMargin(withMargin(price, MARGIN), MARGIN);
    assert.ok(
      BigInt(back.inputPerMillion) >= BigInt(units),
      'a sale can pay the price that it was made from',
    );
  }
});

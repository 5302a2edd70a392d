/**
 * Verifies: prices change seldom, the owner's changes apply immediately, and a job keeps the price that it began with.
 * Setup: prices over a market that the test changes, on a clock that it moves; offers and the real provider service.
 * Fails if: a price follows each movement of the market, an owner's change waits, a running job's price changes, or a
 * line of a batch is charged, or bought, at the price of live requests.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UNLIMITED } from '../../../main/core/budget/index.ts';
import { createCandidates } from '../../../main/core/gateway/candidates.ts';
import { createPricing } from '../../../main/core/pricing/index.ts';
import { NO_EXPERIENCE } from '../../../main/core/reputation/index.ts';
import { charge, type Price } from '../../../shared/price.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { BATCH_JOB_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { ask, OFFERED, setUp } from '../provider/provider-setup.ts';

const MODEL = { id: 'm', sha256: 'a', prefillTokensPerSecond: null, decodeTokensPerSecond: null };
const at = (output: number): Price => ({ inputPerMillion: '20000', outputPerMillion: `${output}` });

function open(first: Partial<Settings> = {}) {
  const clock = manualClock(0);
  const now = { settings: { ...DEFAULT_SETTINGS, pricePolicy: 'market' as const, ...first } as Settings };
  let market: readonly Price[] = [];
  let isOffPeak = false;
  let changes = 0;
  const pricing = createPricing({
    clock,
    rules: () => now.settings,
    facts: () => ({ market, powerCost: null }),
    isOffPeak: () => isOffPeak,
    onChange: () => {
      changes += 1;
    },
  });
  return {
    clock,
    now,
    pricing,
    changes: () => changes,
    output: () => pricing.quote(MODEL).price.outputPerMillion,
    setMarket: (output: number) => {
      market = [at(output), at(output), at(output)];
    },
    setOffPeak: (value: boolean) => {
      isOffPeak = value;
    },
  };
}

describe('prices', () => {
  it('follow the market every ten minutes, and report a change', () => {
    const { clock, output, setMarket, changes, pricing } = open();
    assert.equal(output(), '80000');
    setMarket(90_000);
    clock.advance(60_000);
    assert.equal(output(), '90000');
    setMarket(70_000);
    clock.advance(599_000);
    assert.equal(output(), '90000');
    clock.advance(1_000);
    assert.equal(output(), '70000');
    assert.equal(changes(), 3);
    assert.equal(pricing.quotes().get('m')?.reason, 'market');
  });

  it('follow the owner immediately', () => {
    const { now, output, setMarket } = open();
    setMarket(90_000);
    assert.equal(output(), '90000');
    now.settings = { ...now.settings, pricePolicy: 'fixed' };
    assert.equal(output(), '80000');
    now.settings = { ...now.settings, priceOutputPerMillion: '50000' };
    assert.equal(output(), '50000');
  });

  it('of batches follow the hours and the owner immediately', () => {
    const { now, pricing, setOffPeak } = open({ batchDiscountPercent: 50 });
    assert.equal(pricing.quote(MODEL).batchPrice, null);
    setOffPeak(true);
    assert.equal(pricing.quote(MODEL).batchPrice?.outputPerMillion, '40000');
    now.settings = { ...now.settings, batchDiscountPercent: 25 };
    assert.equal(pricing.quote(MODEL).batchPrice?.outputPerMillion, '60000');
    setOffPeak(false);
    assert.equal(pricing.quote(MODEL).batchPrice, null);
  });
});

describe('a job', () => {
  it('costs what it cost when it began, whatever the offer is later', async () => {
    const models = [OFFERED];
    const { post, engine, charged, offers } = await setUp({ models });
    const answer = post(ask());
    const run = await engine.next();
    models[0] = { ...OFFERED, price: at(900_000_000) };
    assert.deepEqual((await offers.current()).offer.models[0]?.price, at(900_000_000));
    run.start(3);
    run.text('Hi', 1);
    run.end('stop');
    assert.equal((await answer).status, 200);
    const expected = charge(OFFERED.price, { input: 3, output: 1 });
    assert.equal(charged[0]?.receipt.charged, `${expected}`);
    assert.deepEqual(charged[0]?.receipt.price, OFFERED.price);
  });

  it('of a batch has the price of batches', async () => {
    const batchPrice = { inputPerMillion: '1000000', outputPerMillion: '3000000' };
    const cases = [
      [{}, OFFERED.price],
      [{ [BATCH_JOB_HEADER]: '01234567-89ab-7def-8123-456789abcdef' }, batchPrice],
    ] as const;
    for (const [headers, expected] of cases) {
      const { post, engine, charged } = await setUp({ models: [{ ...OFFERED, batchPrice }] });
      const answer = post(ask(), { headers });
      const run = await engine.next();
      run.start(3);
      run.text('Hi', 1);
      run.end('stop');
      assert.equal((await answer).status, 200);
      assert.deepEqual(charged[0]?.receipt.price, expected);
    }
  });

  it('of a batch is bought where batches are cheapest', async () => {
    const { offers, clock } = await setUp();
    const { offer } = await offers.current();
    const offering = (price: Price, batchPrice?: Price) => ({
      ...offer,
      models: [{ ...OFFERED, price, ...(batchPrice && { batchPrice }) }],
    });
    const providers = [
      { peer: 'live', offer: offering(at(50_000)) },
      { peer: 'nightly', offer: offering(at(90_000), at(30_000)) },
    ];
    const candidates = createCandidates({
      directory: { find: async () => providers } as never,
      ...{ clock, accepts: () => true, holders: { find: () => null }, experience: NO_EXPERIENCE },
      random: () => 0,
    });
    const asked = { prompt: { kind: 'text', text: 'x' }, model: OFFERED.id, maxTokens: 9, choices: 1 };
    const first = async (isBatch: boolean) => {
      const budget = UNLIMITED.openRequest(null);
      const [best] = await candidates.list(
        { json: null, topLogprobs: null, sampling: {}, ...asked } as never,
        null,
        budget,
        isBatch,
      );
      return [best?.peer, best?.model.price];
    };
    assert.deepEqual(await first(false), ['live', at(50_000)]);
    assert.deepEqual(await first(true), ['nightly', at(30_000)]);
  });
});

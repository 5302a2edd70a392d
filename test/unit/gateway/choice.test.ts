/**
 * Verifies: the cheapest suitable provider is tried first, the faster one among equals; only programs on this machine
 * with the key are admitted.
 * Setup: properties and examples.
 * Fails if: the gateway pays more than needed, a web page can spend the owner's money.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Candidate,
  expectedCost,
  holderFirst,
  type KnownOf,
  rank,
  sample,
} from '../../../main/core/gateway/choice.ts';
import { explained } from '../../../main/core/gateway/explanation.ts';
import { checkRequest } from '../../../main/core/gateway/guard.ts';
import type { Provider } from '../../../main/core/network/index.ts';
import { judge, type Known, NO_EXPERIENCE } from '../../../main/core/reputation/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { charge } from '../../../shared/price.ts';
import { createTestKeys, TEST_KEY } from '../../fakes/gateway-keys.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';

const KEYS = createTestKeys();
const provider = (peer: string, model: Partial<typeof OFFERED>): Provider => ({
  peer,
  offer: {
    peer,
    payout: FAKE_PAYOUT,
    binding: null,
    networks: ['eip155:31337'],
    asset: FAKE_ASSET,
    models: [{ ...OFFERED, ...model }],
    slots: 1,
    issuedAtMs: 0,
    expiresAtMs: 1,
  },
});

describe('the provider that holds the beginning of a conversation', () => {
  const price = (input: number, cached?: number) => ({
    inputPerMillion: `${input * 1_000_000}`,
    outputPerMillion: '1000000',
    ...(cached !== undefined && { cachedInputPerMillion: `${cached * 1_000_000}` }),
  });
  const wanted = { modelId: OFFERED.id, inputTokens: 1_000, outputTokens: 10 };
  const ranked = (...prices: ReturnType<typeof price>[]): Candidate[] =>
    prices.map((each, index) => ({ ...provider(`${index}`, {}), model: { ...OFFERED, price: each } }));
  const firstOf = (candidates: Candidate[], held: { peer: string; bytes: number } | null) =>
    holderFirst(candidates, wanted, held)[0]?.peer;

  it('comes first at the same price, and not at a higher one', () => {
    assert.equal(firstOf(ranked(price(1), price(1), price(1)), { peer: '2', bytes: 128 }), '2');
    assert.equal(firstOf(ranked(price(1), price(2)), { peer: '1', bytes: 900 }), '0');
    assert.equal(firstOf(ranked(price(1), price(1)), null), '0');
    assert.equal(firstOf(ranked(price(1), price(1)), { peer: 'gone', bytes: 128 }), '0');
  });

  it('comes first at a higher price if its cached tokens make up for it', () => {
    assert.equal(firstOf(ranked(price(2), price(3, 1)), { peer: '1', bytes: 600 }), '1');
    assert.equal(firstOf(ranked(price(2), price(3, 1)), { peer: '1', bytes: 400 }), '0');
  });

  it('changes the order only, never the list', () => {
    const candidates = ranked(price(1), price(1), price(1));
    const moved = holderFirst(candidates, wanted, { peer: '1', bytes: 128 });
    assert.deepEqual(
      moved.map(({ peer }) => peer),
      ['1', '0', '2'],
    );
  });
});

describe('choice of provider', () => {
  it('ranks by price, then by speed (property)', () => {
    const model = fc.record({
      price: fc.record({
        inputPerMillion: fc.nat(3).map((n) => String(n * 1_000_000)),
        outputPerMillion: fc.nat(3).map((n) => String(n * 1_000_000)),
      }),
      decodeTokensPerSecond: fc.option(fc.nat(5)),
      contextTokens: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(model, { maxLength: 8 }), (models) => {
        const wanted = { modelId: OFFERED.id, inputTokens: 10, outputTokens: 100 };
        const ranked = rank(
          models.map((each, index) => provider(`${index}`, each)),
          wanted,
          () => true,
        );
        assert.equal(ranked.length, models.filter(({ contextTokens }) => contextTokens > 100).length);
        const keys = ranked.map(({ model: { price, decodeTokensPerSecond } }) => ({
          cost: charge(price, { input: 10, output: 100 }),
          speed: decodeTokensPerSecond ?? 0,
        }));
        keys.slice(1).forEach((next, index) => {
          const before = keys[index] ?? assert.fail();
          assert.ok(before.cost < next.cost || (before.cost === next.cost && before.speed >= next.speed));
        });
      }),
    );
  });

  it('prefers, at the same price, the provider whose answer ends first, including the load of the model', () => {
    const providers = [
      provider('fast but to be loaded', { decodeTokensPerSecond: 100, loadMs: 10_000 }),
      provider('slow', { decodeTokensPerSecond: 20 }),
      provider('unknown', { decodeTokensPerSecond: null }),
    ];
    const order = (outputTokens: number) =>
      rank(providers, { modelId: OFFERED.id, inputTokens: 1, outputTokens }, () => true).map(
        ({ peer }) => peer,
      );
    assert.deepEqual(order(100), ['slow', 'fast but to be loaded', 'unknown']);
    assert.deepEqual(order(1_000), ['fast but to be loaded', 'slow', 'unknown']);
  });

  it('leaves out other models and offers that are not accepted', () => {
    const offers = [provider('a', { id: 'other' }), provider('b', {}), provider('c', {})];
    const wanted = { modelId: OFFERED.id, inputTokens: 1, outputTokens: 1 };
    const ranked = rank(offers, wanted, (offer) => offer.peer !== 'b');
    assert.deepEqual(
      ranked.map(({ peer }) => peer),
      ['c'],
    );
  });
});

const STRANGER = NO_EXPERIENCE.of('', '');
const PROVEN: Known = { ...STRANGER, ...judge({ good: 100, bad: 0 }), seen: 100 };
/** Knowledge of these peers; all others are strangers. */
const knowing = (known: Readonly<Record<string, Partial<Known>>>, random: () => number = () => 0) => {
  const knownOf: KnownOf = (peer) => ({ ...STRANGER, ...known[peer] });
  return { knownOf, random };
};
const priced = (peer: string, output: number, more: Partial<typeof OFFERED> = {}) =>
  provider(peer, { price: { inputPerMillion: '0', outputPerMillion: `${output * 10_000}` }, ...more });
const hundred = { modelId: OFFERED.id, inputTokens: 0, outputTokens: 100 };
const orderOf = (...parameters: Parameters<typeof rank>) => rank(...parameters).map(({ peer }) => peer);
const any = () => true;

describe('choice by experience', () => {
  it('pays at most a fifth more for speed, standing and fewer failures than the cheapest provider that never failed (property)', () => {
    const known = fc.record({
      good: fc.nat(200),
      bad: fc.nat(20),
      firstTokenMs: fc.nat(60_000),
      tokensPerSecond: fc.integer({ min: 1, max: 500 }),
    });
    const market = fc.array(fc.record({ price: fc.integer({ min: 1, max: 1_000 }), known }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(market, (entries) => {
        const records = Object.fromEntries(
          entries.map(({ known: { good, bad, firstTokenMs, tokensPerSecond } }, index) => [
            `${index}`,
            {
              ...judge({ good, bad }),
              firstTokenMs: { mean: firstTokenMs, deviation: 0 },
              tokensPerSecond,
            },
          ]),
        );
        const ranked = rank(
          entries.map(({ price }, index) => priced(`${index}`, price)),
          hundred,
          any,
          knowing(records),
        );
        const chosen = ranked[0]?.terms ?? assert.fail();
        const good = entries.filter(({ known: each }) => each.bad === 0 && each.good >= 1);
        const cheapest = Math.min(...good.map(({ price }) => price));
        assert.ok(chosen.price <= cheapest * 1.2, `${chosen.price} instead of ${cheapest}`);
        for (const { terms } of ranked) {
          const { price, time, failure, standing } = terms ?? assert.fail();
          assert.ok(time >= 0 && time <= 0.05 * price && standing >= 0 && standing <= 0.05 * price);
          assert.ok(failure > 0 && failure <= 0.1 * price);
        }
      }),
    );
  });

  it('a provider that failed is passed over for one that costs little more, and not for one that costs much more', () => {
    const failed = { ...judge({ good: 3, bad: 3 }) };
    const order = (dearer: number) =>
      orderOf(
        [priced('failed', 100), priced('proven', dearer)],
        hundred,
        any,
        knowing({ failed, proven: PROVEN }),
      );
    assert.deepEqual(order(104), ['proven', 'failed']);
    assert.deepEqual(order(130), ['failed', 'proven']);
  });

  it('own measurements outweigh what a provider announces', () => {
    const liar = { ...PROVEN, firstTokenMs: { mean: 9_000, deviation: 0 }, tokensPerSecond: 2 };
    const honest = { ...PROVEN, firstTokenMs: { mean: 300, deviation: 0 }, tokensPerSecond: 20 };
    const providers = [
      priced('liar', 100, { decodeTokensPerSecond: 500 }),
      priced('honest', 103, { decodeTokensPerSecond: 20 }),
    ];
    assert.deepEqual(orderOf(providers, hundred, any, knowing({ liar, honest })), ['honest', 'liar']);
  });

  it('an announced speed without a measurement counts no more than the usual measured one', () => {
    const measured = { ...PROVEN, firstTokenMs: { mean: 300, deviation: 0 }, tokensPerSecond: 20 };
    const providers = [
      priced('measured', 100, { decodeTokensPerSecond: 20 }),
      priced('announcing', 100, { decodeTokensPerSecond: 1_000_000 }),
    ];
    const known = knowing({ measured, announcing: PROVEN });
    assert.deepEqual(orderOf(providers, hundred, any, known), ['measured', 'announcing']);
  });
});

describe('choice among strangers and full providers', () => {
  it('providers without a free slot come last at any price', () => {
    const providers = [priced('full', 1), priced('busy', 1), priced('free', 100)];
    const known = { full: { ...PROVEN, inProgress: 1 }, busy: { ...PROVEN, isBusy: true }, free: PROVEN };
    assert.equal(orderOf(providers, hundred, any, knowing(known))[0], 'free');
  });

  it('a stranger that has failed comes after all that have not, at any price', () => {
    const fresh = Array.from({ length: 8 }, (_, index) => priced(`fresh-${index}`, 100));
    const failed = { ...judge({ good: 0, bad: 1 }), seen: 1 };
    assert.equal(
      orderOf([priced('failed', 1), ...fresh], hundred, any, knowing({ failed })).at(-1),
      'failed',
    );
  });

  it('the nearer one of two equals comes first', () => {
    const known = { far: { roundTripMs: 300 }, near: { roundTripMs: 20 } };
    assert.deepEqual(orderOf([priced('far', 1), priced('near', 1)], hundred, any, knowing(known)), [
      'near',
      'far',
    ]);
  });

  it('a ring of strangers with the lowest prices and the highest speeds is chosen no more often than its share of the cheaper half', () => {
    const ring = Array.from({ length: 12 }, (_, index) =>
      priced(`ring-${index}`, 1, { decodeTokensPerSecond: 1e6 }),
    );
    const honest = Array.from({ length: 116 }, (_, index) =>
      priced(`honest-${index}`, 100 + index / 10, { decodeTokensPerSecond: 50 }),
    );
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let chosen = 0;
    const runs = 300;
    for (let run = 0; run < runs; run += 1) {
      const [first] = orderOf([...ring, ...honest], hundred, any, knowing({}, random));
      if (first?.startsWith('ring')) chosen += 1;
    }
    assert.ok(chosen < runs * 0.3, `${chosen} of ${runs}`);
    assert.ok(chosen > 0, 'strangers are no outcasts');
  });
});

describe('sample of the market', () => {
  it('has its size, keeps who is known, and repeats nobody (property)', () => {
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.nat(200),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (size, known, draw) => {
          const market = Array.from({ length: size }, (_, index) => index);
          const drawn = sample(
            market,
            128,
            (each) => each < known,
            () => draw,
          );
          assert.equal(drawn.length, Math.min(size, 128));
          assert.equal(new Set(drawn).size, drawn.length);
          const kept = market.filter((each) => each < known).slice(0, 96);
          assert.ok(kept.every((each) => drawn.includes(each)));
        },
      ),
    );
  });
});

describe('explanation of a choice', () => {
  const reasonOf = (
    providers: readonly Provider[],
    known: Readonly<Record<string, Partial<Known>>> = {},
    { holder = null as string | null, failed = '' } = {},
  ) => {
    const ranked = rank(providers, hundred, any, knowing(known));
    const first = holderFirst(ranked, hundred, holder === null ? null : { peer: holder, bytes: 1 });
    return explained(first, { holder, hasFailed: (peer) => peer === failed }).map(({ peer, why }) => [
      peer,
      why?.reason,
    ]);
  };

  it('names the reason that decided', () => {
    assert.deepEqual(reasonOf([priced('a', 1)]), [['a', 'only']]);
    assert.deepEqual(reasonOf([priced('a', 100), priced('b', 200)]), [
      ['a', 'cheapest'],
      ['b', 'next'],
    ]);
    assert.deepEqual(reasonOf([priced('a', 100), priced('b', 100)], { b: PROVEN })[0], ['b', 'reliable']);
    const fast = { ...PROVEN, firstTokenMs: { mean: 1, deviation: 0 }, tokensPerSecond: 100 };
    const slow = { ...fast, tokensPerSecond: 1 };
    assert.deepEqual(reasonOf([priced('a', 100), priced('b', 102)], { a: slow, b: fast })[0], [
      'b',
      'faster',
    ]);
    assert.deepEqual(reasonOf([priced('a', 1), priced('b', 9)], { a: { isBusy: true } })[0], ['b', 'free']);
    assert.deepEqual(reasonOf([priced('a', 9), priced('b', 9)], {}, { holder: 'b' })[0], ['b', 'holder']);
  });

  it('has the amounts by which the providers were compared', () => {
    const ranked = explained(rank([priced('a', 100)], hundred, any, knowing({})), {
      holder: null,
      hasFailed: () => false,
    });
    const { terms, why } = ranked[0] ?? assert.fail();
    assert.ok(terms && why);
    assert.equal(why.price + why.time + why.failure + why.standing, expectedCost(terms));
    assert.equal(why.price, 100);
  });
});

describe('guard', () => {
  const headers = (
    host: string | undefined,
    authorization: string | undefined,
    more: Record<string, string> = {},
  ) => {
    const all: Record<string, string | undefined> = {
      host,
      authorization,
      'content-type': 'application/json',
      ...more,
    };
    return { method: 'POST', header: (name: string) => all[name] };
  };
  const refused = (error: unknown) => isAppError(error, 'not-permitted');

  it('admits programs on this machine that have the key', () => {
    for (const host of ['127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:8080']) {
      checkRequest(headers(host, `Bearer ${TEST_KEY}`), KEYS);
    }
    checkRequest(headers('localhost', `bearer  ${TEST_KEY}`), KEYS);
  });

  it('rejects host names that only resolve to loopback, and wrong keys', () => {
    for (const host of [
      'evil.example:8080',
      '127.0.0.1.evil.example',
      '',
      undefined,
      '0.0.0.0:80',
      'localhost:x',
    ]) {
      assert.throws(() => checkRequest(headers(host, `Bearer ${TEST_KEY}`), KEYS), refused);
    }
    for (const given of [
      ...[undefined, '', 'Bearer', `Bearer ${TEST_KEY.slice(1)}`, `Bearer ${TEST_KEY}0`],
      ...[`Basic ${TEST_KEY}`, TEST_KEY],
    ]) {
      assert.throws(() => checkRequest(headers('localhost', given), KEYS), refused);
    }
  });

  it('rejects web pages even with the key, and bodies that are not declared as JSON', () => {
    const pages = [{ origin: 'http://page.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }];
    for (const page of pages) {
      assert.throws(() => checkRequest(headers('localhost', `Bearer ${TEST_KEY}`, page), KEYS), refused);
    }
    const plain = headers('localhost', `Bearer ${TEST_KEY}`, { 'content-type': 'text/plain' });
    assert.throws(
      () => checkRequest(plain, KEYS),
      (error) => isAppError(error, 'bad-request'),
    );
  });
});

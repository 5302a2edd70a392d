/**
 * Verifies: the cheapest suitable provider is tried first, the faster one among equals; only programs on this machine
 * with the key are admitted.
 * Setup: properties and examples.
 * Fails if: the gateway pays more than needed, a web page can spend the owner's money.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Candidate, holderFirst, rank } from '../../../main/core/gateway/choice.ts';
import { checkRequest } from '../../../main/core/gateway/guard.ts';
import type { Provider } from '../../../main/core/network/index.ts';
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
    payoutProof: null,
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

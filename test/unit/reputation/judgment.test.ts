/**
 * Verifies: own experience outweighs everything that others say; peers that pay each other gain nothing; a bad name can't
 *   be left behind cheaply.
 * Setup: the pure functions, with properties over evidence and payments.
 * Fails if: settled value or audits outweigh failures seen here, a ring gains credit that it didn't pay honest providers
 *   for, a new key is worth more than what was lost with the old one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { creditOf, judge, type SettledPayment, STRANGER } from '../../../main/core/reputation/index.ts';

const DAY_MS = 86_400_000;
const counts = { good: fc.integer({ min: 0, max: 1_000 }), bad: fc.integer({ min: 0, max: 1_000 }) };

const PASSED = { auditorStanding: 1, hasPassed: true, ageMs: 0 };

describe('judgment', () => {
  it('is a share, better with each good request and worse with each bad one (property)', () => {
    fc.assert(
      fc.property(fc.record(counts), ({ good, bad }) => {
        const now = judge({ good, bad });
        assert.ok(now.failureRate > 0 && now.failureRate < 1);
        assert.ok(now.standing >= 0 && now.standing < 1);
        assert.ok(judge({ good: good + 1, bad }).failureRate < now.failureRate);
        assert.ok(judge({ good, bad: bad + 1 }).failureRate > now.failureRate);
        assert.ok(judge({ good: good + 1, bad }).standing >= now.standing);
        assert.ok(judge({ good, bad: bad + 1 }).standing <= now.standing);
      }),
    );
  });

  it('no settled value and no audit outweighs 20 failures seen here (property)', () => {
    const audit = fc.record({
      auditorStanding: fc.double({ min: 0, max: 5, noNaN: true }),
      hasPassed: fc.constant(true),
      ageMs: fc.integer({ min: -DAY_MS, max: DAY_MS }),
    });
    const praise = fc.record({
      settledCredit: fc.double({ min: 0, max: 1e30, noNaN: true }),
      audits: fc.array(audit, { maxLength: 50 }),
    });
    fc.assert(
      fc.property(praise, ({ settledCredit, audits }) => {
        const praised = judge({ good: 0, bad: 20, settledCredit, audits });
        assert.ok(praised.failureRate > STRANGER.failureRate);
        assert.equal(praised.standing, 0);
      }),
      { examples: [[{ settledCredit: 1e30, audits: Array(50).fill(PASSED) }]] },
    );
  });

  it('audits of strangers count nothing, and old ones less', () => {
    const audited = (auditorStanding: number, hasPassed: boolean, ageMs: number) =>
      judge({ good: 0, bad: 0, audits: [{ auditorStanding, hasPassed, ageMs }] });
    assert.deepEqual(audited(0, true, 0), STRANGER);
    assert.deepEqual(audited(0, false, 0), STRANGER);
    assert.ok(audited(1, false, 0).failureRate > audited(1, false, 30 * DAY_MS).failureRate);
    assert.ok(audited(1, false, 30 * DAY_MS).failureRate > STRANGER.failureRate);
    assert.equal(audited(1, false, 0).standing, 0);
  });

  it('praise makes nobody better than a stranger, and answers accusations (property)', () => {
    const audit = (hasPassed: boolean) =>
      fc.record({
        auditorStanding: fc.double({ min: 0, max: 1, noNaN: true }),
        hasPassed: fc.constant(hasPassed),
        ageMs: fc.integer({ min: 0, max: 90 * DAY_MS }),
      });
    /** A sum in another order differs in its last digits. */
    const ROUNDING = 1e-12;
    const praises = fc.array(audit(true), { maxLength: 50 });
    const accused = fc.array(audit(false), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(praises, accused, (praise, accusations) => {
        assert.deepEqual(judge({ good: 0, bad: 0, audits: praise }), STRANGER);
        const alone = judge({ good: 0, bad: 0, audits: accusations });
        const answered = judge({ good: 0, bad: 0, audits: [...accusations, ...praise] });
        assert.ok(answered.failureRate <= alone.failureRate + ROUNDING);
        assert.ok(answered.failureRate >= STRANGER.failureRate - ROUNDING);
      }),
      { examples: [[Array(50).fill(PASSED), [{ ...PASSED, hasPassed: false }]]] },
    );
    const failed = { ...PASSED, hasPassed: false };
    const answered = judge({ good: 0, bad: 0, audits: [failed, ...Array(10).fill(PASSED)] });
    assert.deepEqual(answered, STRANGER, 'ten passed audits answer a failed one');
  });

  it('each failure under a new name makes all strangers worse, and a good first answer better', () => {
    const stranger = (good: number, bad: number) =>
      judge({ good: 0, bad: 0, strangers: { good, bad } }).failureRate;
    for (let names = 0; names < 50; names += 1) assert.ok(stranger(0, names + 1) > stranger(0, names));
    assert.ok(stranger(0, 50) > 0.8);
    assert.ok(stranger(50, 0) < STRANGER.failureRate);
  });
});

/** Surcharge of a request of price 1, half of it for the prompt, as main/core/gateway/choice.ts computes it. */
const surcharge = ({ failureRate, standing }: ReturnType<typeof judge>) =>
  failureRate * (0.5 + 0.1) + 0.05 * (1 - standing);

describe('a new key', () => {
  it('costs more, in the discounts until it is known as well, than one request brings (property)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 500 }), (served) => {
        const known = surcharge(judge({ good: served, bad: 0 }));
        let discounts = 0;
        for (let good = 0; good < served; good += 1)
          discounts += surcharge(judge({ good, bad: 0, strangers: { good: 0, bad: 1 } })) - known;
        assert.ok(discounts > 1, `after ${served} requests: ${discounts}`);
      }),
    );
  });

  it('is never worth it after one honest failure of a provider that has served six', () => {
    for (let served = 6; served < 200; served += 1)
      assert.ok(surcharge(judge({ good: served, bad: 1 })) < surcharge(STRANGER));
  });
});

describe('credit by settled value', () => {
  const payment = (payers: number, peers: readonly string[]) =>
    fc.record({
      payer: fc.integer({ min: 0, max: payers }).map((index) => `payer-${index}`),
      peer: fc.constantFrom(...peers),
      amount: fc.integer({ min: 0, max: 1_000_000 }),
      ageMs: fc.integer({ min: 0, max: 90 * DAY_MS }),
    });
  const isKnown = (peer: string) => peer.startsWith('known');

  it('is nothing for a ring of any size that pays only itself (property)', () => {
    const ring = Array.from({ length: 20 }, (_, index) => `ring-${index}`);
    fc.assert(
      fc.property(fc.array(payment(40, ring), { maxLength: 200 }), (payments) => {
        assert.equal(creditOf(payments, isKnown).size, 0);
      }),
    );
  });

  it('is at most what its payers paid to known providers, however they pay each other (property)', () => {
    const peers = ['known-a', 'known-b', 'ring-a', 'ring-b', 'honest-a'];
    fc.assert(
      fc.property(fc.array(payment(5, peers), { maxLength: 100 }), (payments) => {
        const credits = creditOf(payments, isKnown);
        const sum = (values: Iterable<number>) => [...values].reduce((total, each) => total + each, 0);
        const given = sum(payments.filter(({ peer }) => isKnown(peer)).map(({ amount }) => amount));
        assert.ok(sum(credits.values()) <= given * (1 + 1e-9));
        assert.ok(![...credits.keys()].some(isKnown));
      }),
    );
  });

  it('halves in 30 days', () => {
    const payments = (ageMs: number): SettledPayment[] => [
      { payer: 'a', peer: 'known-a', amount: 1_000, ageMs: 0 },
      { payer: 'a', peer: 'honest-a', amount: 1_000, ageMs },
    ];
    assert.equal(creditOf(payments(0), isKnown).get('honest-a'), 1_000);
    assert.equal(creditOf(payments(30 * DAY_MS), isKnown).get('honest-a'), 500);
  });
});

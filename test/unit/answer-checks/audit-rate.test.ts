/**
 * Verifies: with the share of answers that the formula gives, cheating brings less than it costs.
 * Setup: the expected income of a provider that cheats on one answer, for random stakes.
 * Fails if: the share is too small, or larger than needed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { auditRate, type Stakes } from '../../../main/core/answer-checks/index.ts';

const amounts = fc.double({ min: 0.01, max: 1_000, noNaN: true });
const stakes = fc.record({
  gain: amounts,
  fee: amounts,
  loss: amounts,
  detection: fc.double({ min: 0.01, max: 1, noNaN: true }),
});

/** Returns what cheating on one answer brings on average if this share of answers is repeated. */
function advantage({ gain, detection, fee, loss }: Stakes, share: number): number {
  return gain - share * detection * (fee + loss);
}

describe('audit rate', () => {
  it('is the share from which on cheating doesn’t pay', () => {
    fc.assert(
      fc.property(stakes, (given) => {
        const rate = auditRate(given);
        if (rate === 1) {
          assert.ok(advantage(given, 1) >= 0);
          return;
        }
        assert.ok(advantage(given, rate * 1.001) < 0);
        assert.ok(advantage(given, rate * 0.999) > 0);
      }),
    );
  });

  it('is 0 where there is nothing to gain', () => {
    assert.equal(auditRate({ gain: 0, detection: 1, fee: 1, loss: 1 }), 0);
  });
});

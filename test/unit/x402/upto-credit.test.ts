/**
 * Verifies: what payers owe for answers before they pay stays within its limits, in any order of requests and losses.
 * Setup: the credit with a manual clock, and random payers and requests.
 * Fails if: one payer or all of them can owe more, a payer that didn't pay gets another answer within a day, one that isn't
 *   at fault, or has paid late, gets none, or a place is lost for good.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Credit, createUptoCredit } from '../../../main/adapters/x402/selling/upto-credit.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const DAY_MS = 86_400_000;
/** With six decimals. */
const PAYER_MAX = 50_000n;
const ALL_MAX = 1_000_000n;

const step = fc.record({
  payer: fc.integer({ min: 0, max: 100 }).map(String),
  ceiling: fc.bigInt(1n, 60_000n),
  end: fc.constantFrom('later', 'paid', 'lost', 'forgone', 'regained' as const),
});

test('limits what one payer and all of them owe, and what was lost within a day', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const credit = createUptoCredit(manualClock(0), 6);
      assert.equal(credit.most, PAYER_MAX);
      const open: { readonly payer: string; readonly ceiling: bigint; readonly credit: Credit }[] = [];
      const lost = new Map<string, bigint>();
      let forgone = 0n;
      const owed = (payer?: string) =>
        open
          .filter((each) => payer === undefined || each.payer === payer)
          .reduce((sum, { ceiling }) => sum + ceiling, 0n);
      for (const [index, { payer, ceiling, end }] of steps.entries()) {
        const lostSum = [...lost.values()].reduce((sum, each) => sum + each, forgone);
        const isWithin =
          !lost.has(payer) && owed(payer) + ceiling <= PAYER_MAX && owed() + lostSum + ceiling <= ALL_MAX;
        const lent = credit.open(payer, amount(ceiling), String(index));
        assert.equal(lent !== null, isWithin);
        if (lent === null) continue;
        if (end === 'later') open.push({ payer, ceiling, credit: lent });
        else if (end === 'paid') lent.close();
        else if (end === 'regained') {
          lent.lose(amount(ceiling));
          credit.regain(String(index));
        } else if (end === 'forgone') {
          lent.forgo(amount(ceiling));
          forgone += ceiling;
        } else {
          lent.lose(amount(ceiling));
          lost.set(payer, ceiling);
        }
      }
      for (const each of open) each.credit.close();
      const lostSum = [...lost.values()].reduce((sum, each) => sum + each, forgone);
      const isLeft = credit.open('another', amount(1n), 'last') !== null;
      assert.equal(isLeft, lostSum < ALL_MAX, 'what was paid leaves room');
    }),
    { numRuns: 200 },
  );
});

test('gives credit again a day after a loss', () => {
  const clock = manualClock(0);
  const credit = createUptoCredit(clock, 6);
  credit.open('a', amount(10n), '1')?.lose(amount(10n));
  assert.equal(credit.open('a', amount(1n), '2'), null);
  clock.advance(DAY_MS - 1);
  assert.equal(credit.open('a', amount(1n), '2'), null);
  clock.advance(1);
  assert.notEqual(credit.open('a', amount(1n), '2'), null);
});

/**
 * Verifies: the owner's preference gives each job its rank, and a source is moved within the order without losing another.
 * Setup: the pure choice over all orders.
 * Fails if: a job that pays comes after one that doesn't while the better pay decides, kudos come before anything else there,
 *   the owner's order isn't followed, or a stored order could miss a source.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type PreferenceSettings, rankOf } from '../../../main/core/provider/preference.ts';
import { JOB_SOURCES, type JobSource, jobSourceOrderSchema, movedTo } from '../../../shared/job-sources.ts';
import { FREE_PRICE } from '../../../shared/price.ts';

const PAID = { inputPerMillion: '0', outputPerMillion: '1' };
const KUDOS = { source: 'horde', price: null } as const;
const ORDERS = JOB_SOURCES.flatMap((first) =>
  JOB_SOURCES.filter((each) => each !== first).map((second): JobSource[] => [
    first,
    second,
    ...JOB_SOURCES.filter((each) => each !== first && each !== second),
  ]),
);

it('better pay first: money, then what is given for free, then kudos, in any order of the owner’s', () => {
  for (const jobSourceOrder of ORDERS) {
    const settings: PreferenceSettings = { jobPreference: 'pay', jobSourceOrder };
    const bought = rankOf(settings, { source: 'market', price: PAID });
    const own = rankOf(settings, { source: 'market', price: FREE_PRICE });
    const hotkey = rankOf(settings, { source: 'bittensor', price: FREE_PRICE });
    assert.ok(bought < own);
    assert.equal(own, hotkey, 'nobody who pays nothing comes before another');
    assert.ok(hotkey < rankOf(settings, KUDOS));
  }
});

it('the owner’s order decides, regardless of the pay', () => {
  assert.equal(ORDERS.length, 6);
  for (const jobSourceOrder of ORDERS) {
    const settings: PreferenceSettings = { jobPreference: 'own', jobSourceOrder };
    for (const price of [PAID, FREE_PRICE, null]) {
      const ranks = jobSourceOrder.map((source) => rankOf(settings, { source, price }));
      assert.deepEqual(ranks, [0, 1, 2]);
    }
  }
});

it('a source takes any place, and the others stay in line', () => {
  assert.deepEqual(movedTo(['market', 'bittensor', 'horde'], 'horde', 0), ['horde', 'market', 'bittensor']);
  assert.deepEqual(movedTo(['market', 'bittensor', 'horde'], 'market', 1), ['bittensor', 'market', 'horde']);
  for (const order of ORDERS) {
    for (const source of JOB_SOURCES) {
      for (const place of JOB_SOURCES.keys()) {
        const moved = movedTo(order, source, place);
        assert.equal(moved[place], source);
        assert.ok(jobSourceOrderSchema.safeParse(moved).success);
      }
    }
  }
  for (const bad of [[], ['market', 'horde'], ['market', 'market', 'horde'], [...JOB_SOURCES, 'market']])
    assert.equal(jobSourceOrderSchema.safeParse(bad).success, false, bad.join());
});

/**
 * Verifies: places are limited for each peer and subnet, and the last waiting places are for those that have none.
 * Setup: the admission alone, over random arrivals and departures.
 * Fails if: one peer or one subnet can take all places, a place is never freed or freed twice, or a limit is exceeded.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createAdmission } from '../../../main/core/provider/admission.ts';
import { isAppError } from '../../../shared/errors.ts';

const LIMITS = { waitingMax: 6, perPeerMax: 5, perSubnetMax: 8, reservedWaiting: 2 };
const PLACES = { slots: 2, lane: 'model' };
const refused = (part: RegExp) => (error: unknown) => isAppError(error, 'busy') && part.test(error.message);

describe('admission', () => {
  it('keeps the last places for peers and subnets that have none', () => {
    const admission = createAdmission(LIMITS);
    const enter = (peer: string, subnet: string | null) => admission.enter({ peer, subnet }, PLACES);
    for (let index = 0; index < 3; index += 1) enter('first', '10.0.0');
    for (let index = 0; index < 3; index += 1) enter('second', '10.0.0');
    assert.throws(() => enter('first', '10.0.0'), refused(/last waiting places/));
    assert.throws(() => enter('third', '10.0.0'), refused(/last waiting places/));
    const leave = enter('third', '10.0.1');
    enter('relayed', null);
    assert.throws(() => enter('relayed', null), refused(/All slots/));
    leave();
    assert.throws(() => enter('relayed', null), refused(/last waiting places/));
    enter('late', null);
  });

  it('limits a subnet over all models', () => {
    const admission = createAdmission(LIMITS);
    const enter = (index: number) =>
      admission.enter({ peer: `peer-${index}`, subnet: '10.0.0' }, { slots: 2, lane: `model-${index}` });
    for (let index = 0; index < LIMITS.perSubnetMax; index += 1) enter(index);
    assert.throws(() => enter(99), refused(/one subnet/));
    admission.enter({ peer: 'other', subnet: '10.0.1' }, PLACES);
  });

  it('never exceeds a limit, and is empty when all have left', () => {
    const events = fc.array(
      fc.record({ peer: fc.nat(5), subnet: fc.option(fc.nat(2)), lane: fc.nat(1), leave: fc.nat(3) }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const admission = createAdmission(LIMITS);
        const held: { peer: number; subnet: number | null; lane: number; leave: () => void }[] = [];
        for (const { peer, subnet, lane, leave } of all) {
          if (leave === 0) held.splice(0, 1)[0]?.leave();
          const asking = { peer: `${peer}`, subnet: subnet === null ? null : `${subnet}` };
          try {
            const entered = admission.enter(asking, { slots: 2, lane: `${lane}` });
            held.push({ peer, subnet, lane, leave: entered });
          } catch (error) {
            assert.ok(isAppError(error, 'busy'));
          }
          const count = (isSame: (each: (typeof held)[number]) => boolean) => held.filter(isSame).length;
          assert.ok(count((each) => each.peer === peer) <= LIMITS.perPeerMax);
          if (subnet !== null) assert.ok(count((each) => each.subnet === subnet) <= LIMITS.perSubnetMax);
          assert.equal(
            admission.taken(`${lane}`),
            count((each) => each.lane === lane),
          );
          assert.ok(admission.taken(`${lane}`) <= 2 + LIMITS.waitingMax);
        }
        for (const { leave } of held) {
          leave();
          leave();
        }
        assert.deepEqual([admission.taken('0'), admission.taken('1')], [0, 0]);
      }),
    );
  });
});

/**
 * Verifies: a relay that charges forwards for each peer what it has paid for and one grace, never more, also over restarts.
 * Setup: the allowances alone with records in memory; properties over random bytes, payments and restarts.
 * Fails if: a peer gets more than the grace unpaid, a restart gives bytes back, many new keys get a grace each without an end,
 * or a peer that pays is refused.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createAllowances } from '../../../main/core/relaying/index.ts';
import { storageError } from '../../../main/ports/storage.ts';
import { RELAY_GRACE_BYTES, RELAY_STEP_BYTES } from '../../../shared/relaying.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const HOUR_MS = 3_600_000;

/** More than is paid for, so that the limit is reached in most runs. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('take' as const), bytes: fc.integer({ min: 1, max: 600_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('buy' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

describe('allowances of a relay', () => {
  it('forward what is paid and one grace, also over restarts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const records = createMemoryRecordStore();
        const clock = manualClock(0);
        let allowances = createAllowances({ records, clock });
        let forwarded = 0;
        let bought = 0;
        for (const each of steps) {
          if (each.do === 'take' && allowances.take('peer', each.bytes)) forwarded += each.bytes;
          if (each.do === 'buy') {
            allowances.add('peer', RELAY_STEP_BYTES);
            bought += RELAY_STEP_BYTES;
          }
          // A peer that never paid isn't stored: a new key would cost it nothing either.
          if (each.do === 'restart' && bought > 0) allowances = createAllowances({ records, clock });
          assert.ok(forwarded <= bought + RELAY_GRACE_BYTES, `${forwarded} of ${bought}`);
        }
      }),
    );
  });

  it('forward every byte that is paid for', () => {
    const allowances = createAllowances({ records: createMemoryRecordStore(), clock: manualClock(0) });
    for (let count = 0; count < 20; count += 1) {
      allowances.add('peer', RELAY_STEP_BYTES);
      for (let piece = 0; piece < 10; piece += 1) assert.ok(allowances.take('peer', RELAY_STEP_BYTES / 10));
    }
    assert.deepEqual(allowances.of('peer'), { boughtBytes: 20_000_000, usedBytes: 20_000_000 });
  });

  it('end for one peer, and not for another', () => {
    const allowances = createAllowances({ records: createMemoryRecordStore(), clock: manualClock(0) });
    allowances.add('payer', RELAY_STEP_BYTES);
    assert.ok(allowances.take('guest', RELAY_GRACE_BYTES));
    assert.equal(allowances.take('guest', 1), false);
    assert.equal(allowances.mayUse('guest'), false);
    assert.ok(allowances.take('payer', RELAY_STEP_BYTES));
    assert.ok(allowances.mayUse('payer'));
    allowances.add('guest', RELAY_STEP_BYTES);
    assert.ok(allowances.mayUse('guest'), 'once it has paid');
    assert.equal(allowances.take('guest', RELAY_STEP_BYTES), true);
    assert.equal(allowances.take('guest', 1), false, 'the grace is given once');
  });

  it('give all peers together a limited number of unpaid bytes per hour', () => {
    const clock = manualClock(0);
    const allowances = createAllowances({
      ...{ records: createMemoryRecordStore(), clock, unpaidBytesPerHour: 3 * RELAY_GRACE_BYTES },
    });
    const isTaken = (peer: string) => allowances.take(peer, RELAY_GRACE_BYTES);
    assert.deepEqual(['a', 'b', 'c', 'd'].map(isTaken), [true, true, true, false]);
    allowances.add('e', RELAY_STEP_BYTES);
    assert.ok(allowances.take('e', RELAY_STEP_BYTES), 'what is paid isn’t limited');
    clock.advance(HOUR_MS);
    assert.equal(isTaken('d'), true);
  });

  it('forward nothing that the disk doesn’t record', () => {
    const records = createMemoryRecordStore();
    let isFull = false;
    const set: typeof records.set = (...given) => {
      if (isFull) throw storageError('disk-full');
      records.set(...given);
    };
    const allowances = createAllowances({ records: { ...records, set }, clock: manualClock(0) });
    allowances.add('peer', RELAY_STEP_BYTES);
    isFull = true;
    assert.equal(allowances.take('peer', 100_000), false);
    isFull = false;
    assert.equal(allowances.take('peer', 100_000), true);
  });
});

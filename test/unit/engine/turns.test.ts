/**
 * Verifies: requesters take turns, however much one of them sends.
 * Setup: the order of turns alone, over random arrivals, and over a long queue.
 * Fails if: a requester waits for more than one request of each other one that waits, requests of one requester change
 * their order, or a flood of names has an effect on memory.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Turns } from '../../../main/core/engine/turns.ts';

interface Arrived {
  readonly requester: string;
  readonly isPatient: boolean;
  readonly number: number;
}

const arrivals = fc.array(
  fc.record({ requester: fc.constantFrom('a', 'b', 'c', 'd'), isPatient: fc.boolean() }),
  { maxLength: 40 },
);

it('nobody is served twice while somebody else of the same patience waits', () => {
  fc.assert(
    fc.property(arrivals, fc.array(fc.nat(3), { maxLength: 40 }), (arriving, gaps) => {
      const turns = new Turns();
      const waiting: Arrived[] = [];
      const coming = arriving.map((each, number) => ({ ...each, number }));
      /** Requests that others began since this one came. */
      const passedBy = new Map<Arrived, string[]>();
      for (let step = 0; coming.length + waiting.length > 0; step += 1) {
        const come = coming.splice(0, 1 + (gaps[step % Math.max(1, gaps.length)] ?? 0));
        for (const each of come) passedBy.set(each, []);
        waiting.push(...come);
        const index = turns.next(waiting);
        const [chosen] = waiting.splice(index, 1);
        assert.ok(chosen !== undefined);
        turns.note(chosen);
        if (chosen.isPatient)
          assert.ok(
            waiting.every(({ isPatient }) => isPatient),
            'patient ones come last',
          );
        const earlier = waiting.filter(
          (each) => each.requester === chosen.requester && each.isPatient === chosen.isPatient,
        );
        assert.ok(
          earlier.every(({ number }) => number > chosen.number),
          'of one requester, in order',
        );
        for (const each of waiting) {
          if (each.isPatient !== chosen.isPatient || each.requester === chosen.requester) continue;
          const isFirst = waiting.find(
            ({ requester, isPatient }) => requester === each.requester && isPatient === each.isPatient,
          );
          if (isFirst !== each) continue;
          const others = passedBy.get(each) ?? [];
          assert.ok(!others.includes(chosen.requester), `${chosen.requester} passed ${each.requester} twice`);
          others.push(chosen.requester);
        }
        // Its next request has waited for its own one only.
        for (const each of waiting) if (each.requester === chosen.requester) passedBy.set(each, []);
      }
    }),
  );
});

it('a requester with one request doesn’t wait behind another one’s thousand', () => {
  const turns = new Turns();
  const many = Array.from({ length: 1_000 }, () => ({ requester: 'greedy' }));
  turns.note({ requester: 'greedy' });
  assert.equal(turns.next([...many, { requester: 'modest' }]), 1_000);
});

it('a requester that sends one at a time starves nobody', () => {
  const turns = new Turns();
  const begun: string[] = [];
  for (let step = 0; step < 100; step += 1) {
    const waiting = ['quick-1', 'quick-2', 'quick-3', 'patient'].map((requester) => ({ requester }));
    const chosen = waiting[turns.next(waiting)] ?? { requester: '' };
    turns.note(chosen);
    begun.push(chosen.requester);
  }
  assert.equal(begun.filter((each) => each === 'patient').length, 25);
});

it('names without end don’t keep a remembered requester back', () => {
  const turns = new Turns();
  turns.note({ requester: 'early' });
  for (let index = 0; index < 5_000; index += 1) turns.note({ requester: `${index}` });
  assert.equal(turns.next([{ requester: '4999' }, { requester: 'early' }]), 1);
  assert.equal(turns.next([]), -1);
});

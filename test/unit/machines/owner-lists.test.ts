/**
 * Verifies: for any decisions of owners, and any order in which their lists arrive, all machines end with the same list; a removal wins
 * over everything that was decided without it; an owner that was removed has no say, not even about itself.
 * Setup: random decisions at machines in memory, each of which has what it received so far; no keys, since only the
 * merging is tested; what a thief could sign is drawn at random.
 * Fails if: two machines with the same lists differ, the founder is ever missing, a removed machine comes back without a
 * decision of an owner that has seen its removal, or lists of a removed owner change anything.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideToAdd, decideToRemove } from '../../../main/core/machines/decisions.ts';
import { mergeLists } from '../../../main/core/machines/owner-lists.ts';
import { newestLists, type SignedList } from '../../../main/core/machines/signed-lists.ts';
import { isAppError } from '../../../shared/errors.ts';
import { MACHINE_ROLES, type OwnerList } from '../../../shared/machines.ts';

const FOUNDER = 'm0';
const PEERS = ['m0', 'm1', 'm2', 'm3', 'm4'] as const;
const NETWORK = 'cd'.repeat(8);
/** Of a thief. */
const FORGED = { revision: 1_000_000_000, address: `0x${'66'.repeat(20)}`, setAtMs: 0 };

/** The lists that each machine has. */
class Office {
  readonly #held = new Map<string, readonly SignedList[]>();
  #clock = 0;

  constructor() {
    const self = { peer: FOUNDER, name: FOUNDER, role: 'owner' as const, addedAtMs: 0 };
    const machines = [{ ...self, generation: 0, change: 0, isRemoved: false }];
    const first = signed({
      network: NETWORK,
      owner: FOUNDER,
      version: 1,
      machines,
      rules: null,
      payout: null,
    });
    for (const peer of PEERS) this.#held.set(peer, [first]);
  }

  lists(peer: string): readonly SignedList[] {
    return this.#held.get(peer) ?? [];
  }

  merged(peer: string) {
    return mergeLists(
      FOUNDER,
      this.lists(peer).map(({ list }) => list),
    );
  }

  /** False if the machine may not. */
  decide(by: string, about: string, what: (typeof MACHINE_ROLES)[number] | 'remove'): boolean {
    const merged = this.merged(by);
    if (!merged.owners.includes(by)) return false;
    const before = this.lists(by).find(({ list }) => list.owner === by)?.list;
    const own = before ?? {
      network: NETWORK,
      owner: by,
      version: 0,
      machines: [],
      rules: null,
      payout: null,
    };
    this.#clock += 1;
    try {
      const decided =
        what === 'remove'
          ? decideToRemove(own, merged, about)
          : decideToAdd(own, merged, { peer: about, name: about, role: what }, this.#clock);
      this.take(by, [signed({ ...own, ...decided, version: own.version + 1 })]);
      return true;
    } catch (error) {
      if (isAppError(error)) return false;
      throw error;
    }
  }

  take(peer: string, lists: readonly SignedList[]): void {
    this.#held.set(peer, newestLists(FOUNDER, peer, [...this.lists(peer), ...lists]));
  }

  /** One sends its lists, the other returns its own. */
  exchange(from: string, to: string): void {
    this.take(to, this.lists(from));
    this.take(from, this.lists(to));
  }

  exchangeAll(): void {
    for (const _ of PEERS) for (const from of PEERS) for (const to of PEERS) this.exchange(from, to);
  }
}

function signed(list: OwnerList): SignedList {
  return { list, jws: JSON.stringify(list) };
}

const machine = fc.constantFrom(...PEERS);
const step = fc.oneof(
  fc.record({
    kind: fc.constant('decide' as const),
    by: machine,
    about: machine,
    what: fc.constantFrom(...MACHINE_ROLES, 'owner' as const, 'remove' as const),
  }),
  fc.record({ kind: fc.constant('exchange' as const), from: machine, to: machine }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Two further owners and two other machines, which all have met; then the steps. */
function play(steps: readonly Step[]): Office {
  const office = new Office();
  for (const [about, what] of [
    ['m1', 'owner'],
    ['m2', 'owner'],
    ['m3', 'use'],
    ['m4', 'serve'],
  ] as const) {
    office.decide(FOUNDER, about, what);
  }
  office.exchangeAll();
  for (const each of steps) {
    if (each.kind === 'exchange') office.exchange(each.from, each.to);
    else office.decide(each.by, each.about, each.what);
  }
  return office;
}

const views = (office: Office) => PEERS.map((peer) => office.merged(peer).machines);

test('after all have met, all have the same list, with the founder as its first owner', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const office = play(steps);
      office.exchangeAll();
      const [first, ...others] = views(office);
      for (const view of others) assert.deepEqual(view, first);
      assert.deepEqual([first?.[0]?.peer, first?.[0]?.role], [FOUNDER, 'owner']);
      assert.equal(new Set(first?.map(({ peer }) => peer)).size, first?.length);
    }),
    { numRuns: 100 },
  );
});

test('the order in which lists arrive doesn’t count', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (steps, draws) => {
      const office = play(steps);
      const all = PEERS.flatMap((peer) => office.lists(peer));
      const shuffled = [...all]
        .map((each) => ({ each, place: draws.next().value ?? 0 }))
        .sort((left, right) => left.place - right.place)
        .map(({ each }) => each);
      const view = (lists: readonly SignedList[]) =>
        mergeLists(
          FOUNDER,
          newestLists(FOUNDER, FOUNDER, lists).map(({ list }) => list),
        ).machines;
      assert.deepEqual(view(shuffled), view(all));
    }),
    { numRuns: 100 },
  );
});

test('a removal by the founder wins over everything that others decide without it', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom('m1', 'm2', 'm3', 'm4'),
      fc.array(step, { maxLength: 30 }),
      (steps, gone, later) => {
        const office = play(steps);
        office.exchangeAll();
        if (!office.decide(FOUNDER, gone, 'remove')) return;
        // The removal has reached nobody; the removed one and all others decide what they like. One that removes the same
        // machine has seen a removal, and may add it again.
        for (const each of later) {
          if (each.kind === 'decide' && each.about === gone && each.what === 'remove') continue;
          if (each.kind === 'exchange') {
            if (each.from !== FOUNDER && each.to !== FOUNDER) office.exchange(each.from, each.to);
          } else if (each.by !== FOUNDER) office.decide(each.by, each.about, each.what);
        }
        office.exchangeAll();
        for (const view of views(office)) assert.ok(!view.some(({ peer }) => peer === gone), gone);
      },
    ),
    { numRuns: 100 },
  );
});

test('an owner that was removed changes nothing by any list', () => {
  const decision = fc.record({
    peer: fc.constantFrom(...PEERS, 'accomplice'),
    name: fc.constant('x'),
    role: fc.constantFrom(...MACHINE_ROLES),
    addedAtMs: fc.integer({ min: 0, max: 100 }),
    generation: fc.nat({ max: 1_000_000_000 }),
    change: fc.nat({ max: 1_000_000_000 }),
    isRemoved: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(decision), (steps, machines) => {
      const office = play(steps);
      office.exchangeAll();
      if (!office.decide(FOUNDER, 'm1', 'remove')) return;
      const before = office.merged(FOUNDER);
      const rules = { revision: 1_000_000_000, values: { comfort: 1 as const } };
      const forged = {
        network: NETWORK,
        owner: 'm1',
        version: 1_000_000_000,
        machines,
        rules,
        payout: FORGED,
      };
      office.take(FOUNDER, [signed(forged)]);
      assert.deepEqual(office.merged(FOUNDER), before);
    }),
    { numRuns: 100 },
  );
});

test('an owner changes nothing about those ahead of it by any list', () => {
  const office = new Office();
  for (const peer of ['m1', 'm2']) office.decide(FOUNDER, peer, 'owner');
  office.exchangeAll();
  const attack = { name: 'x', addedAtMs: 0, generation: 9, change: 9 };
  const machines = [
    { ...attack, peer: FOUNDER, role: 'serve' as const, isRemoved: true },
    { ...attack, peer: 'm1', role: 'serve' as const, isRemoved: false },
    { ...attack, peer: 'm2', role: 'owner' as const, isRemoved: false },
    { ...attack, peer: 'm3', role: 'owner' as const, isRemoved: false },
  ];
  office.take(FOUNDER, [
    signed({ network: NETWORK, owner: 'm2', version: 9, machines, rules: null, payout: null }),
  ]);
  assert.deepEqual(
    office.merged(FOUNDER).machines.map(({ peer, role, name }) => [peer, role, name]),
    [
      ['m0', 'owner', 'm0'],
      ['m3', 'owner', 'x'],
      ['m1', 'owner', 'm1'],
      ['m2', 'owner', 'm2'],
    ],
  );
});

test('a machine comes back by an owner that has seen its removal, and ranks follow the time', () => {
  const office = play([]);
  assert.ok(office.decide('m1', 'm3', 'remove'));
  office.exchangeAll();
  assert.ok(office.decide('m2', 'm3', 'owner'));
  office.exchangeAll();
  for (const peer of PEERS) assert.deepEqual(office.merged(peer).owners, ['m0', 'm1', 'm2', 'm3']);
  // Added again, an owner is the last one.
  assert.ok(office.decide(FOUNDER, 'm1', 'use'));
  assert.ok(office.decide(FOUNDER, 'm1', 'owner'));
  office.exchangeAll();
  for (const peer of PEERS) assert.deepEqual(office.merged(peer).owners, ['m0', 'm2', 'm3', 'm1']);
});

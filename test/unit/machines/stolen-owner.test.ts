/**
 * Verifies: after any valid list that the thief of an owner's machine signs, the founder still sets the payout address and removes
 * that machine, and every list that a machine stores is one that it and the others read.
 * Setup: rosters of real keys in memory; the lists of a thief are drawn at random up to every limit, and signed with the
 * second owner's key.
 * Fails if: a number at its maximum makes the founder sign a higher one that nobody reads; a thief's long list leaves no
 * room to remove it; a machine stores a list with which it doesn't start again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { openRoster } from '../../../main/core/machines/index.ts';
import {
  DECISIONS_MAX,
  LIST_CHARACTERS_MAX,
  LIST_NUMBER_MAX,
  MACHINE_ROLES,
  type MachineDecision,
  type OwnerList,
} from '../../../shared/machines.ts';
import { createOffice, NOW_MS, newKey } from './office.ts';

const OURS = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const THIEFS = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';
const FIRST = { addedAtMs: 0, generation: 0, change: 0, isRemoved: false };
const NETWORK = 'cd'.repeat(8);

/** The founder and a second owner, whose machine is stolen. */
async function stolenOwner() {
  const office = await createOffice();
  const [second, third] = [await newKey(), await newKey()];
  await office.roster.add({ peer: second.peer, name: 'Second', role: 'owner' });
  const record = await office.roster.add({ peer: third.peer, name: 'Third', role: 'serve' });
  const server = await office.open(third, record);
  const signs = (list: Partial<OwnerList>) =>
    second.sign({
      ...{ network: NETWORK, owner: second.peer, version: LIST_NUMBER_MAX },
      ...{ machines: [], rules: null, payout: null },
      ...list,
    });
  return { ...office, second, third, server, signs };
}

const number = fc.oneof(
  fc.constantFrom(0, 1, LIST_NUMBER_MAX - 1, LIST_NUMBER_MAX),
  fc.nat({ max: LIST_NUMBER_MAX }),
);
const drawn = fc.record({
  machines: fc.array(
    fc.record({
      peer: fc.constantFrom('founder', 'second', 'third', 'other'),
      name: fc.constantFrom('x', '☃'.repeat(20)),
      role: fc.constantFrom(...MACHINE_ROLES),
      addedAtMs: fc.nat({ max: NOW_MS }),
      ...{ generation: number, change: number, isRemoved: fc.boolean() },
    }),
    { maxLength: 6 },
  ),
  version: number,
  payout: fc.option(fc.record({ revision: number, address: fc.constant(THIEFS), setAtMs: fc.constant(0) })),
  rules: fc.option(fc.record({ revision: number, values: fc.constant({ comfort: 1 as const }) })),
});

test('the founder sets the address and removes the thief after any list that a thief signs', async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async (list) => {
      const { roster, server, second, third, founder, stored, open, signs } = await stolenOwner();
      const peers: Readonly<Record<string, string>> = {
        ...{ founder: founder.peer, second: second.peer, third: third.peer },
      };
      const machines = list.machines.map((each) => ({ ...each, peer: peers[each.peer] ?? each.peer }));
      await roster.take([await signs({ ...list, machines })]);
      await roster.setRules({ comfort: 3 });
      await roster.setPayout(OURS);
      assert.equal(roster.payout()?.address, OURS);
      assert.deepEqual(roster.rules(), { comfort: 3 });
      await roster.remove(second.peer);
      assert.equal(roster.roleOf(second.peer), null);
      await roster.setPayout(OURS);
      const [last] = stored.slice(-1);
      assert.ok(last);
      assert.equal((await open(founder, last)).payout()?.address, OURS, 'it starts again');
      await server.take(roster.lists());
      assert.equal(server.payout()?.address, OURS, 'the others read it');
      assert.equal(server.roleOf(second.peer), null);
    }),
    { numRuns: 40 },
  );
});

/** Decisions up to the limits of a list, in the longest notation. */
function longest(isRemoved: boolean): MachineDecision[] {
  return Array.from({ length: DECISIONS_MAX }, (_, index) => ({
    ...{ peer: `${index}`.padEnd(60, '☃'), name: '☃'.repeat(18), role: 'owner' as const, addedAtMs: 0 },
    ...{ generation: LIST_NUMBER_MAX, change: LIST_NUMBER_MAX, isRemoved },
  }));
}

test('a thief’s longest list leaves room to remove it, again and again', async () => {
  for (const isRemoved of [true, false]) {
    const { roster, second, server, third, signs } = await stolenOwner();
    const jws = await signs({ machines: longest(isRemoved) });
    assert.ok(
      jws.length <= LIST_CHARACTERS_MAX && jws.length > 0.7 * LIST_CHARACTERS_MAX,
      String(jws.length),
    );
    await roster.take([jws]);
    await roster.remove(second.peer);
    for (const list of roster.lists()) assert.ok(list.length <= LIST_CHARACTERS_MAX);
    if (isRemoved) await roster.add({ peer: 'further', name: 'Further', role: 'serve' });
    await roster.remove(third.peer);
    assert.equal(await server.take(roster.lists()), true);
    assert.deepEqual([server.roleOf(second.peer), server.roleOf(third.peer)], [null, null]);
  }
});

test('a thief’s list of the most bytes leaves room to remove it', async () => {
  const { roster, second, signs } = await stolenOwner();
  for (const peer of ['a', 'b', 'c', 'd']) await roster.add({ peer, name: '☃'.repeat(60), role: 'use' });
  const withLast = (size: number) =>
    signs({
      machines: Array.from({ length: 57 }, (_, index) => ({
        ...{ peer: `${index}`.padEnd(index < 56 ? 100 : size, '\u0001'), name: '\u0001'.repeat(60) },
        ...{ role: 'use' as const, ...FIRST, addedAtMs: index },
      })),
    });
  let jws = '';
  for (let size = 2; size <= 100; size += 1) {
    const longer = await withLast(size);
    if (longer.length <= LIST_CHARACTERS_MAX) jws = longer;
  }
  assert.ok(jws.length > LIST_CHARACTERS_MAX - 500, String(jws.length));
  await roster.take([jws]);
  await roster.remove(second.peer);
  assert.equal(roster.roleOf(second.peer), null);
});

test('a machine that a thief removed at the highest generation is added again by any owner', async () => {
  const { roster, second, third, open, signs } = await stolenOwner();
  const honest = await newKey();
  const record = await roster.add({ peer: honest.peer, name: 'Honest', role: 'owner' });
  const removal = { peer: third.peer, name: 'Third', role: 'serve' as const, ...FIRST, isRemoved: true };
  await roster.take([await signs({ machines: [{ ...removal, generation: LIST_NUMBER_MAX }] })]);
  assert.equal(roster.roleOf(third.peer), null);
  await roster.remove(second.peer);
  assert.equal(roster.roleOf(third.peer), null, 'the decision is taken over');
  const other = await open(honest, record);
  await other.take(roster.lists());
  for (const role of ['use', 'serve'] as const) {
    await other.add({ peer: third.peer, name: 'Third', role });
    assert.equal(other.roleOf(third.peer), role);
    await roster.take(other.lists());
    assert.equal(roster.roleOf(third.peer), role);
    await roster.remove(third.peer);
    await other.take(roster.lists());
    assert.equal(other.roleOf(third.peer), null);
  }
});

test('a machine stores no list that is longer than what others read', async () => {
  const { roster, stored } = await stolenOwner();
  const before = stored.length;
  // 0.75 of the limit of the text is left for the decisions; a control character takes six bytes of it.
  const add = (index: number) =>
    roster.add({ peer: `${index}`.padEnd(100, '\u0001'), name: '\u0001'.repeat(60), role: 'use' });
  let failed: unknown = null;
  for (let index = 0; index < DECISIONS_MAX && failed === null; index += 1) {
    failed = await add(index).then(
      () => null,
      (error: unknown) => error,
    );
    for (const list of roster.lists()) assert.ok(list.length <= LIST_CHARACTERS_MAX);
  }
  assert.equal((failed as { code?: string }).code, 'busy');
  assert.ok(stored.length > before);
});

test('a machine signs nothing that it couldn’t read again', async () => {
  const { roster, stored, founder, record, log, clock } = await stolenOwner();
  const before = stored.length;
  await assert.rejects(roster.setPayout('not an address'), { code: 'bad-request' });
  await assert.rejects(roster.add({ peer: 'x', name: 'x'.repeat(61), role: 'use' }), { code: 'bad-request' });
  assert.equal(stored.length, before);
  // Its own last version counts as well: of equal versions one is chosen by the text, so that a change may count nothing.
  const jws = await founder.sign({
    ...{ network: NETWORK, owner: founder.peer, version: LIST_NUMBER_MAX, rules: null, payout: null },
    machines: [{ ...{ peer: founder.peer, name: 'F', role: 'owner' }, ...FIRST }],
  });
  const last = await openRoster({
    ...{ record: { ...record, lists: [jws] }, key: founder, verifySigned, clock, log },
    store: { write: () => undefined },
  });
  for (const address of [OURS, THIEFS, null, OURS, THIEFS, null, OURS]) {
    const failed = await last.setPayout(address).then(
      () => null,
      (error: { code?: string }) => error.code ?? 'another error',
    );
    if (failed === null) assert.equal(last.payout()?.address ?? null, address, 'what is stored counts');
    else assert.equal(failed, 'bad-request');
  }
});

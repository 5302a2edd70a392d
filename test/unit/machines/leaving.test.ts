/**
 * Verifies: a machine that leaves is out wherever its statement arrives, also over a third machine and in any order with the lists;
 * an owner's machine removes it for good, and can add it again; what it signs afterwards counts for nothing; a crash after
 * the statement was stored ends the membership as well; the only owner's machine doesn't leave others behind.
 * Setup: rosters of real keys in memory that exchange what they signed, and the real membership file.
 * Fails if: a machine that left keeps its role anywhere, a foreign or forged statement takes one out, an old statement takes
 * a machine out that came back, or the network's key stays in the file.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { membershipFile } from '../../../main/agent/membership-file.ts';
import type { MachineRoster, MembershipRecord } from '../../../main/core/machines/index.ts';
import { createMachineService, createMachineWatch } from '../../../main/core/machines/index.ts';
import type { Departure, OwnerList } from '../../../shared/machines.ts';
import { createLan, createOffice, NOW_MS, newKey, REPORT } from './office.ts';

const NETWORK = 'cd'.repeat(8);
const THIEFS = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';

/** A founder, a second owner, and a machine that serves. */
async function threeMachines() {
  const office = await createOffice();
  const [second, third] = [await newKey(), await newKey()];
  await office.roster.add({ peer: second.peer, name: 'Second', role: 'owner' });
  const record = await office.roster.add({ peer: third.peer, name: 'Third', role: 'serve' });
  return {
    ...{ ...office, second, third },
    ofSecond: await office.open(second, record),
    ofThird: await office.open(third, record),
  };
}

const pass = (from: MachineRoster, to: MachineRoster) => to.take(from.lists(), from.departures());

test('a departure passes over a machine that is no owner, and an owner removes the machine for good', async () => {
  const { roster, ofSecond, ofThird, third, founder, second } = await threeMachines();
  await ofThird.leave();
  assert.equal(ofThird.roleOf(third.peer), null);
  assert.equal(ofThird.departures().length, 1);
  const before = roster.digest();
  assert.equal(await pass(ofThird, ofSecond), true);
  assert.equal(ofSecond.roleOf(third.peer), null);
  assert.deepEqual(ofSecond.departures(), [], 'an owner’s decision replaces it');
  assert.equal(await pass(ofSecond, roster), true);
  assert.notEqual(roster.digest(), before);
  assert.deepEqual(
    roster.machines().map(({ peer }) => peer),
    [founder.peer, second.peer],
  );
});

test('the founder leaves: the others keep its lists and refuse it, in any order of what arrives', async () => {
  const { roster, ofSecond, ofThird, founder, second, third } = await threeMachines();
  await roster.leave();
  assert.equal(await ofThird.take([], roster.departures()), true);
  assert.equal(ofThird.roleOf(founder.peer), null);
  assert.equal(ofThird.roleOf(second.peer), 'owner', 'what it decided before counts');
  assert.equal(ofThird.departures().length, 1, 'no owner may remove the founder');
  assert.equal(await pass(ofThird, ofSecond), true);
  assert.equal(ofSecond.roleOf(founder.peer), null);
  assert.equal(ofSecond.digest(), ofThird.digest());
  await ofSecond.remove(third.peer);
  assert.equal(ofSecond.roleOf(third.peer), null, 'the other owner goes on');
  await assert.rejects(roster.add({ peer: 'x', name: 'x', role: 'use' }), { code: 'not-permitted' });
});

test('a list signed after its machine left counts for nothing, in any order of arrival', async () => {
  const { roster, ofSecond, ofThird, founder, record } = await threeMachines();
  await roster.leave();
  const later: OwnerList = {
    ...{ network: NETWORK, owner: founder.peer, version: 1_000_000_000, machines: [], rules: null },
    machines: [
      {
        ...{ peer: founder.peer, name: 'F', role: 'owner', addedAtMs: NOW_MS },
        ...{ generation: 0, change: 0, isRemoved: false },
      },
    ],
    payout: { revision: 5, address: THIEFS, setAtMs: NOW_MS },
  };
  const jws = await founder.sign(later);
  await pass(roster, ofSecond);
  assert.equal(await ofSecond.take([jws]), false);
  assert.equal(ofSecond.payout(), null);
  assert.equal(await ofThird.take([jws]), true, 'it doesn’t know the departure yet');
  await pass(ofSecond, ofThird);
  assert.equal(ofThird.payout(), null);
  assert.equal(ofThird.digest(), ofSecond.digest());
  assert.equal(record.network, NETWORK);
});

test('a machine that left comes back with a new code, and its old departure doesn’t count', async () => {
  const { roster, ofSecond, ofThird, third } = await threeMachines();
  await ofThird.leave();
  const old = ofThird.departures();
  await pass(ofThird, roster);
  await roster.add({ peer: third.peer, name: 'Third', role: 'use' });
  await pass(roster, ofSecond);
  for (const each of [roster, ofSecond]) {
    assert.equal(await each.take([], old), false);
    assert.equal(each.roleOf(third.peer), 'use');
  }
});

test('only the machine itself signs its departure, for this network', async () => {
  const { roster, second, third, founder } = await threeMachines();
  const leaves: Departure = {
    ...{ network: NETWORK, peer: third.peer, leaves: true, generation: 0, version: 0 },
  };
  const refused = [
    await second.sign(leaves),
    await third.sign({ ...leaves, network: '00'.repeat(8) }),
    await third.sign({ ...leaves, generation: 1 }),
    await third.sign({ ...leaves, leaves: false }),
    await founder.sign(leaves),
    'x.y.z',
  ];
  for (const jws of refused) assert.equal(await roster.take([], [jws]), false);
  assert.equal(roster.roleOf(third.peer), 'serve');
  assert.equal(await roster.take([], [await third.sign(leaves)]), true);
});

test('the only owner’s machine stays while there are others', async () => {
  const { roster, ofSecond, second, third } = await threeMachines();
  await roster.remove(second.peer);
  await assert.rejects(roster.leave(), { code: 'bad-request' });
  assert.deepEqual(roster.departures(), []);
  await roster.remove(third.peer);
  await roster.leave();
  await pass(roster, ofSecond);
  const before = ofSecond.departures();
  await ofSecond.leave();
  assert.deepEqual(ofSecond.departures(), before, 'one that was removed signs nothing');
});

test('the watch tells the connected machines, and the others when they are reached', async () => {
  const { roster, ofSecond, ofThird, founder, second, third, clock } = await threeMachines();
  const lan = createLan();
  const serve = (own: MachineRoster) => {
    const parts = { roster: own, report: () => REPORT, obey: () => undefined };
    const app = createMachineService({ ...parts, provider: { fetch: () => new Response('') } });
    return (request: Request) => app.fetch(request);
  };
  lan.add(founder.peer, serve(roster));
  const watch = createMachineWatch({
    ...{ network: lan.from(third), roster: ofThird, clock },
    ...{ report: () => REPORT, isWatched: () => false, onChange: () => undefined },
  });
  await ofThird.leave();
  await watch.tell();
  assert.equal(roster.roleOf(third.peer), null);
  assert.equal(ofSecond.roleOf(third.peer), 'serve', 'it is off');
  lan.add(second.peer, serve(ofSecond));
  await watch.tell();
  assert.equal(ofSecond.roleOf(third.peer), null);
});

test('a membership that ended before it was removed is removed at the next start', async () => {
  const { ofThird, stored } = await threeMachines();
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-leaving-'));
  try {
    const file = membershipFile(folder, 'outside');
    const path = join(folder, 'machines-outside.json');
    await ofThird.leave();
    const last = stored.at(-1) as MembershipRecord;
    file.write({ ...last, isLeaving: false });
    assert.ok(file.read());
    // The last that is stored before a crash.
    file.write(last);
    assert.match(readFileSync(path, 'utf8'), new RegExp(last.networkKey));
    assert.equal(file.read(), null);
    assert.equal(existsSync(path), false, 'the key is gone');
    // One of an earlier version has no departures.
    const { departures: _, isLeaving: __, ...earlier } = last;
    writeFileSync(path, JSON.stringify(earlier));
    assert.deepEqual(file.read()?.departures, []);
    file.remove();
    assert.equal(file.read(), null);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

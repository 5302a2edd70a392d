/**
 * Verifies: only an owner's signature makes a machine a member and gives it a role; each machine serves the others by
 * their role, follows orders of owners alone, and serves a peer with the network's key but without a place in the roster
 * nothing; a removed machine is out wherever the newer list has arrived; rules for all come from owners and stay while a
 * machine is off the network.
 * Setup: rosters of real keys in memory, and the real handlers.
 * Fails if: a forged, foreign or older list is taken; a machine that may only serve gets work done or sets rules; a stranger
 * gets a report, an answer, the lists or obedience; a newcomer stays unknown to the others; a local change defeats a rule.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createMachineService,
  createMachineWatch,
  createSharedRules,
  type MachineRoster,
  refusalFor,
} from '../../../main/core/machines/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import type { OwnerList } from '../../../shared/machines.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { CHAT_PATH, MACHINE_PATH, OFFER_PATH, ROSTER_PATH } from '../../../shared/wire.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { createLan, createOffice, NOW_MS, newKey, REPORT } from './office.ts';

function serviceOf(roster: MachineRoster) {
  const orders: string[] = [];
  const app = createMachineService({
    roster,
    report: () => REPORT,
    obey: (order) => void orders.push(order),
    provider: { fetch: () => new Response('an answer') },
  });
  const ask = (peer: string, path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { 'x-peer-id': peer } });
  return { app, ask, orders };
}

test('each role gets what it may, and a stranger nothing', async () => {
  const { roster } = await createOffice();
  for (const role of ['owner', 'use', 'serve'] as const) await roster.add({ peer: role, name: role, role });
  const { ask, orders } = serviceOf(roster);
  const order = { method: 'POST', body: JSON.stringify({ order: 'pause' }) };
  const statuses = async (peer: string) => ({
    report: (await ask(peer, MACHINE_PATH)).status,
    order: (await ask(peer, MACHINE_PATH, order)).status,
    offer: (await ask(peer, OFFER_PATH)).status,
    answer: (await ask(peer, CHAT_PATH, { method: 'POST', body: '{}' })).status,
  });
  const [yes, no] = [200, 403];
  assert.deepEqual(await statuses('owner'), { report: yes, order: yes, offer: yes, answer: yes });
  assert.deepEqual(await statuses('use'), { report: yes, order: no, offer: yes, answer: yes });
  assert.deepEqual(await statuses('serve'), { report: yes, order: no, offer: no, answer: no });
  assert.deepEqual(await statuses('stranger'), { report: no, order: no, offer: no, answer: no });
  assert.deepEqual(await statuses(''), { report: no, order: no, offer: no, answer: no });
  assert.deepEqual(orders, ['pause']);
  const bad = { method: 'POST', body: '{"order":"format"}' };
  assert.equal((await ask('owner', MACHINE_PATH, bad)).status, 400);
  assert.deepEqual(orders, ['pause']);
});

test('the gateway of a machine that may only serve, or was removed, refuses its clients', async () => {
  assert.equal(refusalFor('owner'), null);
  assert.equal(refusalFor('use'), null);
  for (const role of ['serve', null] as const) {
    const refusal = refusalFor(role);
    assert.ok(refusal);
    assert.equal(refusal.status, 403);
    assert.equal((await refusal.json()).error.code, 'role-not-permitted');
  }
});

test('only a newer list of an owner is taken, whoever brings it', async () => {
  const { founder, record, open, roster } = await createOffice();
  const [second, third] = [await newKey(), await newKey()];
  await roster.add({ peer: third.peer, name: 'Third', role: 'use' });
  const joined = await roster.add({ peer: second.peer, name: 'Second', role: 'serve' });
  const own = await open(second, joined);
  const { ask } = serviceOf(own);
  const bringBody = async (body: string) => {
    const response = await ask('anybody', ROSTER_PATH, { method: 'POST', body });
    const { taken, lists } = (await response.json()) as { taken: boolean; lists: unknown };
    assert.equal(lists, null, 'a stranger gets no list');
    return taken;
  };
  const bring = (...lists: string[]) => bringBody(JSON.stringify({ lists }));
  const decision = { name: 'm', addedAtMs: NOW_MS, generation: 0, change: 1, isRemoved: false };
  const next: OwnerList = {
    ...{ network: record.network, owner: founder.peer, version: 9, rules: null, payout: null },
    machines: [
      { ...decision, peer: founder.peer, role: 'owner' },
      { ...decision, peer: second.peer, role: 'owner' },
    ],
  };
  const refused: [string, string][] = [
    ['older', record.lists[0] ?? ''],
    ['the same', joined.lists[0] ?? ''],
    ['of a machine that is no owner', await third.sign({ ...next, owner: third.peer })],
    ['signed by another one', await second.sign(next)],
    ['of another network', await founder.sign({ ...next, network: '00'.repeat(8) })],
    [
      'with another setting',
      await founder.sign({ ...next, rules: { revision: 1, values: { comfort: 99 } } }),
    ],
    ['too large', 'x'.repeat(90_000)],
  ];
  for (const [name, jws] of refused) assert.equal(await bring(jws), false, name);
  assert.equal(await bring(...Array.from({ length: 18 }, () => 'x')), false, 'more lists than owners');
  const text = fc.oneof(
    fc.string(),
    fc.base64String().map((part) => `${part}.${part}.${part}`),
  );
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      assert.equal(await bring(given), false);
      assert.equal(await bringBody(given), false);
    }),
    { numRuns: 100 },
  );
  assert.equal(own.roleOf(second.peer), 'serve');
  assert.equal(await bring(await founder.sign(next)), true);
  assert.equal(own.roleOf(second.peer), 'owner');
});

test('every owner adds and removes, but none that is ahead of it', async () => {
  const { clock, founder, roster, open } = await createOffice();
  const [second, third, fourth] = [await newKey(), await newKey(), await newKey()];
  const own = await open(second, await roster.add({ peer: second.peer, name: 'Second', role: 'owner' }));
  clock.advance(1);
  const joined = await own.add({ peer: third.peer, name: 'Third', role: 'owner' });
  const ofThird = await open(third, joined);
  assert.equal(await roster.take(own.lists()), true);
  assert.deepEqual(
    roster.machines().map(({ name, role }) => [name, role]),
    [
      ['Front desk', 'owner'],
      ['Second', 'owner'],
      ['Third', 'owner'],
    ],
  );
  for (const ahead of [founder.peer, second.peer, third.peer]) {
    assert.equal(ofThird.mayRemove(ahead), false);
    await assert.rejects(ofThird.remove(ahead), { code: 'not-permitted' });
    await assert.rejects(ofThird.add({ peer: ahead, name: 'x', role: 'serve' }), { code: 'not-permitted' });
  }
  await assert.rejects(roster.remove('nobody'), { code: 'not-found' });
  clock.advance(1);
  // Two changes at the same time follow each other.
  await Promise.all([
    roster.add({ peer: fourth.peer, name: 'Fourth', role: 'use' }),
    roster.remove(second.peer),
  ]);
  // What the removed owner had decided before stays; what it decides afterwards counts nowhere.
  await own.add({ peer: 'accomplice', name: 'Accomplice', role: 'owner' });
  await own.remove(third.peer);
  assert.equal(await roster.take(own.lists()), false);
  assert.deepEqual(
    roster.machines().map(({ name }) => name),
    ['Front desk', 'Third', 'Fourth'],
  );
  assert.equal(await own.take(roster.lists()), true);
  assert.equal(own.roleOf(second.peer), null);
  await assert.rejects(own.add({ peer: second.peer, name: 'Second', role: 'use' }), {
    code: 'not-permitted',
  });
  // An owner can let it in again.
  await roster.add({ peer: second.peer, name: 'Second', role: 'use' });
  assert.equal(roster.roleOf(second.peer), 'use');
});

test('an owner sets settings for all; the others follow them without connection, and can’t change them', async () => {
  const { founder, roster, open, stored } = await createOffice();
  const [second, third] = [await newKey(), await newKey()];
  await roster.add({ peer: second.peer, name: 'Second', role: 'owner' });
  const record = await roster.add({ peer: third.peer, name: 'Third', role: 'serve' });
  const ofThird = await open(third, record);
  await assert.rejects(ofThird.setRules({ comfort: 1 }), { code: 'not-permitted' });
  const settingsOf = () =>
    createSettings({ records: createMemoryRecordStore(), defaults: { ...DEFAULT_SETTINGS, comfort: 5 } });
  const [owners, members] = [settingsOf(), settingsOf()];
  const rules = createSharedRules({ roster, own: founder.peer, settings: owners });
  createSharedRules({ roster: ofThird, own: third.peer, settings: members });
  owners.change({ comfort: 2, wattsMax: 100 });
  await rules.share('intensity', true);
  // On an owner's machine a change counts for all.
  await rules.change({ wattsMax: 80, language: 'de' });
  assert.deepEqual(roster.rules(), { comfort: 2, wattsMax: 80 });
  assert.equal(owners.get().language, 'de');
  const older = roster.lists();
  await rules.change({ comfort: 3 });
  assert.equal(await ofThird.take(roster.lists()), true);
  assert.equal(await ofThird.take(older), false);
  assert.deepEqual([members.get().comfort, members.get().wattsMax], [3, 80]);
  assert.throws(() => members.change({ comfort: 5 }), { code: 'not-permitted' });
  members.change({ idleMinutes: 7, comfort: 3 });
  // After a start without any other machine.
  const again = settingsOf();
  const stores = stored.at(-1);
  assert.ok(stores);
  createSharedRules({ roster: await open(third, stores), own: third.peer, settings: again });
  assert.equal(again.get().comfort, 3);
  await rules.share('intensity', false);
  await ofThird.take(roster.lists());
  assert.equal(members.get().wattsMax, null);
  assert.equal(members.get().comfort, 3, 'its own choice of before');
});

test('the rules of an owner that is removed stay, and those that it sets afterwards don’t count', async () => {
  const { roster, open } = await createOffice();
  const second = await newKey();
  const own = await open(second, await roster.add({ peer: second.peer, name: 'Second', role: 'owner' }));
  await own.setRules({ comfort: 1 });
  await roster.take(own.lists());
  await roster.remove(second.peer);
  await own.setRules({ comfort: 4 });
  await roster.take(own.lists());
  assert.deepEqual(roster.rules(), { comfort: 1 });
});

test('a newcomer brings the roster to machines that don’t know it, while the founder is off', async () => {
  const { founder, clock, open, record, roster } = await createOffice();
  const lan = createLan();
  const open2 = async (key: PeerKey, from: typeof record) => {
    const own = await open(key, from);
    const { app, orders } = serviceOf(own);
    lan.add(key.peer, (request) => app.fetch(request));
    const watch = createMachineWatch({
      ...{ network: lan.from(key), roster: own, clock, report: () => REPORT },
      ...{ isWatched: () => true, onChange: () => undefined },
    });
    return { own, watch, orders };
  };
  const [secondKey, thirdKey] = [await newKey(), await newKey()];
  const second = await open2(
    secondKey,
    await roster.add({ peer: secondKey.peer, name: 'Second', role: 'use' }),
  );
  const third = await open2(
    thirdKey,
    await roster.add({ peer: thirdKey.peer, name: 'Third', role: 'owner' }),
  );
  assert.equal(second.own.roleOf(thirdKey.peer), null);
  third.watch.start();
  await until(() =>
    third.watch.machines().some(({ peer, report }) => peer === secondKey.peer && report !== null),
  );
  assert.equal(second.own.roleOf(thirdKey.peer), 'owner');
  // The founder, which isn't there, is shown, too.
  assert.deepEqual(
    third.watch.machines().map(({ name, isSelf, isConnected }) => [name, isSelf, isConnected]),
    [
      ['Third', true, true],
      ['Front desk', false, false],
      ['Second', false, true],
    ],
  );
  await third.watch.order(secondKey.peer, 'pause');
  assert.deepEqual(second.orders, ['pause']);
  await assert.rejects(second.watch.order(thirdKey.peer, 'pause'), { code: 'not-permitted' });
  assert.notEqual(founder.peer, thirdKey.peer);
  third.watch.stop();
});

/** Lets work in progress continue until the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !condition(); turn += 1) await new Promise(setImmediate);
  assert.ok(condition());
}

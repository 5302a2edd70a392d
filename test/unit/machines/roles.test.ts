/**
 * Verifies: only the founder's signature makes a machine a member and gives it a role; each machine serves the others by
 * their role, follows orders of owners alone, and serves a peer with the network's key but without a place in the roster
 * nothing; a removed machine is out wherever the newer roster has arrived.
 * Setup: rosters of real keys in memory, and the real handlers.
 * Fails if: a forged, foreign or older roster is taken; a machine that may only serve gets work done; a stranger gets a
 * report, an answer or obedience; a newcomer stays unknown to the others.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createMachineService,
  createMachineWatch,
  type MachineRoster,
  refusalFor,
} from '../../../main/core/machines/index.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import type { Roster } from '../../../shared/machines.ts';
import { CHAT_PATH, MACHINE_PATH, OFFER_PATH, ROSTER_PATH } from '../../../shared/wire.ts';
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

test('only a newer roster of the founder is taken, whoever brings it', async () => {
  const { founder, record, open, roster } = await createOffice();
  const second = await newKey();
  const joined = await roster.add({ peer: second.peer, name: 'Second', role: 'serve' });
  const own = await open(second, joined);
  const { ask } = serviceOf(own);
  const bring = async (jws: string) => {
    const response = await ask('anybody', ROSTER_PATH, { method: 'POST', body: jws });
    return ((await response.json()) as { taken: boolean }).taken;
  };
  const machines = [
    { peer: founder.peer, name: 'Front desk', role: 'owner' as const, addedAtMs: NOW_MS },
    { peer: second.peer, name: 'Second', role: 'owner' as const, addedAtMs: NOW_MS },
  ];
  const next: Roster = { network: record.network, version: 9, machines };
  const refused: [string, string][] = [
    ['older', record.roster],
    ['the same', joined.roster],
    ['signed by itself', await second.sign(next)],
    ['of another network', await founder.sign({ ...next, network: '00'.repeat(8) })],
    ['without the founder', await founder.sign({ ...next, machines: machines.slice(1) })],
    ['with a machine twice', await founder.sign({ ...next, machines: [...machines, ...machines] })],
    ['too large', 'x'.repeat(50_000)],
  ];
  for (const [name, jws] of refused) assert.equal(await bring(jws), false, name);
  const text = fc.oneof(
    fc.string(),
    fc.base64String().map((part) => `${part}.${part}.${part}`),
  );
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      assert.equal(await bring(given), false);
    }),
    { numRuns: 100 },
  );
  assert.equal(own.roleOf(second.peer), 'serve');
  assert.equal(await bring(await founder.sign(next)), true);
  assert.equal(own.roleOf(second.peer), 'owner');
});

test('only the founder adds and removes, and stays', async () => {
  const { founder, roster, open } = await createOffice();
  const second = await newKey();
  const joined = await roster.add({ peer: second.peer, name: 'Second', role: 'owner' });
  const own = await open(second, joined);
  await assert.rejects(async () => own.add({ peer: 'third', name: 'Third', role: 'use' }), {
    code: 'not-permitted',
  });
  await assert.rejects(async () => own.remove(founder.peer), { code: 'not-permitted' });
  await assert.rejects(roster.remove(founder.peer), { code: 'not-permitted' });
  await assert.rejects(roster.remove('nobody'), { code: 'not-found' });
  // Two changes at the same time follow each other.
  await Promise.all([roster.add({ peer: 'third', name: 'Third', role: 'use' }), roster.remove(second.peer)]);
  assert.deepEqual(
    roster.machines().map(({ name }) => name),
    ['Front desk', 'Third'],
  );
  assert.equal(await own.take(roster.jws()), true);
  assert.equal(own.roleOf(second.peer), null);
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

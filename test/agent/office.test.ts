/**
 * Verifies: an office of four machines on a LAN without internet: each joins with a code, one of them on its page, works for
 * the others by its role, and a batch spreads over all of them and survives one that is switched off in its middle; an owner
 * that isn't the founder adds a machine and sets a rule for all; a stranger on the LAN gets in nowhere.
 * Setup: the real programs in network namespaces at one switch without a router; pairing over mDNS by the real command, and
 * by the call of the page in an agent that runs.
 * Fails if: pairing finds nothing or takes a guessed code, an agent needs chain, passphrase or internet, a peer without the
 * network's key connects, a machine that may only serve gets answers, a line is lost or done twice, an order isn't followed,
 * a machine is unknown to those that didn't add it, or a rule isn't followed.
 * Lab: four machines and a stranger as network namespaces.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callsAt, disconnectAll } from '../lab/host-calls.ts';
import { type Lab, type OfficeHost, openOfficeLab } from '../lab/lab.ts';
import type { OfficeCalls } from './office-machine.ts';

const PROGRAM = join(import.meta.dirname, 'office-machine.ts');
/** More than twice as many as all machines together compute at the same time. */
const LINES = 80;
const children: ChildProcess[] = [];
let lab: Lab<OfficeHost> | null = null;

after(async () => {
  await disconnectAll(children);
  await lab?.close();
});

type Name = Exclude<OfficeHost, 'stranger'>;
interface Office {
  readonly lab: Lab<OfficeHost>;
  readonly machines: Readonly<Record<Name, OfficeCalls>>;
  readonly peers: Readonly<Record<Name, string>>;
  /** Of the founder, on the LAN. */
  readonly address: string;
  readonly stranger: OfficeCalls;
}
let office: Office;

// Four agents start, each with an engine, and three machines join one after the other.
before(
  async () => {
    const opened = await openOfficeLab();
    lab = opened;
    const at = (host: OfficeHost) =>
      callsAt<OfficeCalls, OfficeHost>(opened, host, PROGRAM, (child) => void children.push(child));
    const machines = { front: at('front'), desk: at('desk'), render: at('render'), meeting: at('meeting') };
    const stranger = at('stranger');
    const founder = await machines.front.start();
    assert.equal(founder.chain, null);
    const code = await machines.front.invite('owner');
    const guessed = await stranger.join('zoo zoo zoo zoo zoo zoo', 'stranger');
    assert.equal(guessed.code, 1, guessed.output);
    assert.match(guessed.output, /The code was refused/);
    assert.deepEqual(await machines.desk.joinOnPage(code), { restarts: false });
    const ofDesk = await machines.desk.start();
    await mustJoin(machines.render, await machines.front.invite('serve'), 'render');
    await mustJoin(machines.meeting, await machines.desk.invite('use'), 'meeting');
    const { render, meeting } = machines;
    const others = await Promise.all([render, meeting].map((machine) => machine.start()));
    const [renderPeer = '', meetingPeer = ''] = others.map(({ peer }) => peer);
    office = {
      ...{ lab: opened, machines, stranger },
      peers: { front: founder.peer, desk: ofDesk.peer, render: renderPeer, meeting: meetingPeer },
      address: founder.addresses.find((each) => each.includes('10.99.0.1')) ?? '',
    };
  },
  { timeout: 4 * 60_000 },
);

async function mustJoin(machine: OfficeCalls, code: string, name: string): Promise<void> {
  const { code: exit, output } = await machine.join(code, name);
  assert.equal(exit, 0, output);
}

test('each machine sees all others with their roles, without a chain', { timeout: 2 * 60_000 }, async () => {
  const { machines, peers } = office;
  const seen = await machines.front.machines(4);
  await machines.desk.machines(4);
  assert.deepEqual(Object.fromEntries(seen.machines.map(({ peer, role }) => [peer, role])), {
    [peers.front]: 'owner',
    [peers.desk]: 'owner',
    [peers.render]: 'serve',
    [peers.meeting]: 'use',
  });
  const { app, wallet } = await machines.desk.state();
  assert.ok(!app.notices.some(({ code }) => code === 'chain-unavailable'));
  assert.equal(wallet.tokenBalance, null, 'unknown, not 0');
});

test('a stranger in the LAN doesn’t connect, and a machine that may only serve gets no answers', async () => {
  const { machines, stranger, address } = office;
  assert.equal(await stranger.knock(address, null), 'peer-unreachable');
  assert.equal(await stranger.knock(address, 'ab'.repeat(32)), 'peer-unreachable');
  assert.deepEqual(await machines.desk.ask(), { status: 200, code: null });
  assert.deepEqual(await machines.render.ask(), { status: 403, code: 'role-not-permitted' });
});

// A machine that was switched off is noticed after some seconds, and its lines are looked for there for 20 s more.
test('a batch spreads over all machines and survives one that is switched off', {
  timeout: 4 * 60_000,
}, async (context) => {
  const { machines, peers } = office;
  await machines.desk.offers(4);
  const batch = await machines.desk.batch(LINES);
  const { status, done } = await machines.desk.reached(batch, 8);
  assert.equal(status, 'in_progress');
  assert.ok(done <= LINES / 2, `${done} lines`);
  await office.lab.run('cut', 'meeting');
  await machines.meeting.kill();
  context.diagnostic(`switched off after ${done} lines`);
  assert.deepEqual(await machines.desk.reached(batch, null), { status: 'completed', done: LINES });
  const { ids, jobs } = await machines.desk.results(batch);
  assert.equal(ids.length, LINES);
  assert.equal(new Set(ids).size, LINES);
  context.diagnostic(`jobs of each machine: ${Object.values(jobs).join(', ')}`);
  for (const name of ['front', 'desk', 'render'] as const) assert.ok((jobs[peers[name]] ?? 0) > 0, name);
});

test('an owner that isn’t the founder sets a rule for all, which the others follow and can’t change', async () => {
  const { front, desk, render } = office.machines;
  await desk.setForAll(2);
  assert.equal(await render.follows(2), 'FORBIDDEN');
  // On an owner's machine the change is one for all.
  assert.equal(await front.follows(2), null);
  assert.equal(await render.follows(5), 'FORBIDDEN');
});

// The founder notices within about 20 s that a machine was switched off.
test('an owner pauses all machines that are there, and the metrics show them', {
  timeout: 2 * 60_000,
}, async () => {
  const { front, desk, render } = office.machines;
  await front.machines(3);
  assert.deepEqual(await front.order(null, 'pause'), ['meeting']);
  for (const machine of [front, desk, render]) {
    assert.equal((await machine.state()).work.presence.reason, 'paused-by-owner');
  }
  const refused = await render.order(office.peers.front, 'resume');
  assert.equal(refused.length, 1, 'a machine that isn’t an owner can’t resume another one');
  const metrics = await front.metrics();
  assert.match(metrics, /idlewatt_machine_up\{machine="meeting",[^}]*\} 0/);
  assert.match(metrics, /idlewatt_machine_served_today_output_tokens\{machine="render",[^}]*\} [1-9]/);
});

/**
 * Verifies: machines of one owner that sell to others see each other over their private network, with what each earned, and
 * pay out to one address that an owner sets once; what was due to a former address arrives there first.
 * Setup: the real programs in network namespaces at one switch; each sells on a practice chain of its own, which its test
 * reads. One founds the private network by the command, the other joins by the code.
 * Fails if: an address is set by a page, without the owner's answer or by a machine that is no owner; a machine pays out to
 * another address after its next start, or loses a unit of what was due; a change comes without a notice; work for the
 * owner's other machines is taken for sales, or a stranger gets in.
 * Lab: two machines and a stranger as network namespaces.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callsAt, disconnectAll } from '../lab/host-calls.ts';
import { type Lab, type OfficeHost, openOfficeLab } from '../lab/lab.ts';
import type { OutsideCalls } from './outside-machine.ts';

const PROGRAM = join(import.meta.dirname, 'outside-machine.ts');
const SLOW = { timeout: 6 * 60_000 };
/** Addresses whose keys are on none of the machines. */
const SHARED = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const THIEFS = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';
const children: ChildProcess[] = [];
let lab: Lab<OfficeHost> | null = null;
let front: OutsideCalls;
let desk: OutsideCalls;
/** Of each machine, before the owner sets one for all. */
let own: { readonly front: string; readonly desk: string };

after(async () => {
  await disconnectAll(children);
  await lab?.close();
});

before(async () => {
  const opened = await openOfficeLab();
  lab = opened;
  const at = (host: OfficeHost) =>
    callsAt<OutsideCalls, OfficeHost>(opened, host, PROGRAM, (child) => void children.push(child));
  [front, desk] = [at('front'), at('desk')];
  const alone = await front.start();
  assert.match(await front.found(), /takes effect the next time/);
  await front.stop();
  const { peer } = await front.start();
  assert.equal(peer, alone.peer, 'it is the same peer to buyers and to the owner’s machines');
  await desk.join(await front.invite());
  const second = await desk.start();
  own = { front: alone.payout, desk: second.payout };
}, SLOW);

test('machines that sell see each other, each with what it earned from others', SLOW, async () => {
  const earned = { front: await front.sell(), desk: await desk.sell() };
  // A report has sums that are up to a minute old.
  const { machines } = await seenBy(front, earned);
  const role = Object.fromEntries(machines.map((machine) => [machine.isSelf, machine.role]));
  assert.deepEqual(role, { true: 'owner', false: 'use' });
  for (const { report } of machines) {
    assert.equal(report?.outside?.asset.practice, true);
    assert.ok((report?.served.outputTokens ?? 0) > 0, 'its work is in hours and tokens, too');
  }
  const metrics = await front.metrics();
  const lines = metrics.split('\n').filter((line) => line.startsWith('idlewatt_machine_earned_outside_30d{'));
  assert.equal(lines.length, 2, metrics);
  assert.match(lines.join('\n'), /machine="Second".*practice="true".*\} 0\.\d+/);
});

async function seenBy(machine: OutsideCalls, earned: { front: string; desk: string }) {
  const endsAtMs = performance.now() + 90_000;
  for (;;) {
    const state = await machine.machines(2);
    const sums = state.machines.map(({ report }) => report?.outside?.earned).sort();
    if (sums.join() === [earned.front, earned.desk].sort().join()) return state;
    if (performance.now() > endsAtMs) assert.fail(`${sums.join()} instead of ${JSON.stringify(earned)}`);
  }
}

test(
  'neither a page, nor another machine, nor a declined question sets the address for all',
  SLOW,
  async () => {
    assert.match((await front.askOnPage(THIEFS)) ?? '', /confirmed on the terminal/);
    assert.match((await desk.askOnPage(THIEFS)) ?? '', /Only an owner’s machine/);
    const declined = await front.payout(THIEFS, 'n');
    assert.equal(declined.code, 1, declined.output);
    const foreign = await desk.payout(THIEFS, 'y');
    assert.equal(foreign.code, 1, foreign.output);
    assert.match(foreign.output, /Only an owner’s machine/);
    assert.equal((await front.machines(2)).payout, null);
  },
);

test(
  'both machines show the address, pay out to their former one first, and use it after a restart',
  SLOW,
  async () => {
    const set = await front.payout(SHARED, 'y');
    assert.equal(set.code, 0, set.output);
    assert.match(set.output, new RegExp(`pay out to ${SHARED}`));
    for (const machine of [front, desk]) {
      assert.deepEqual(
        (await machine.told(SHARED)).filter((code) => code.startsWith('payout-')),
        ['payout-for-all', 'payout-next-start'],
      );
    }
    for (const [name, machine] of Object.entries({ front, desk }) as ['front' | 'desk', OutsideCalls][]) {
      const due = BigInt(await machine.sell());
      assert.ok(due > 0n);
      const before = BigInt(await machine.balance(own[name]));
      await machine.stop();
      assert.equal((await machine.start()).payout, SHARED);
      assert.equal(
        BigInt(await machine.balance(own[name])),
        before + due,
        'all that was due arrived there first',
      );
      assert.equal(await machine.balance(SHARED), '0');
      const notices = await machine.told(SHARED);
      assert.ok(notices.includes('payout-for-all') && !notices.includes('payout-next-start'), notices.join());
    }
  },
);

test('later earnings of both machines arrive at the one address', SLOW, async () => {
  for (const [name, machine] of Object.entries({ front, desk }) as ['front' | 'desk', OutsideCalls][]) {
    const before = await machine.balance(own[name]);
    const due = await machine.sell();
    await machine.settle();
    assert.equal(await machine.balance(SHARED), due);
    assert.equal(await machine.balance(own[name]), before, 'nothing more at the former address');
  }
  const { machines } = await front.machines(2);
  assert.deepEqual(
    machines.map(({ report }) => report?.outside?.payout),
    [SHARED, SHARED],
  );
});

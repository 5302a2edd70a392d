/**
 * Verifies: one payout address for all machines comes from owners alone and reaches each machine with their lists; that of a
 * removed owner ends with it; a machine that was removed follows none; each machine shows a change for a week and restarts
 * itself once at most; a report of sales is bounded.
 * Setup: rosters of real keys in memory, a manual clock, and a wallet's folder on disk.
 * Fails if: a thief's address outlives the removal of its machine; a change is hidden by a time in the past; the address for
 * all doesn't come before a machine's own; a report with an absurd amount is shown.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createKeyTools, readAddress } from '../../../main/adapters/ethers/index.ts';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { PROFILES } from '../../../main/agent/profiles.ts';
import { readable, watchSharedPayout } from '../../../main/agent/shared-payout.ts';
import { storedPayout } from '../../../main/core/machines/index.ts';
import { createNotices } from '../../../main/core/notices/index.ts';
import { createSecrets, namedPayout, openWallet, sharedPayoutFile } from '../../../main/core/wallet/index.ts';
import type { HomePaths } from '../../../main/ports/data-folder.ts';
import { machineAnswerSchema } from '../../../shared/machines.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { createOffice, NOW_MS, newKey, REPORT } from './office.ts';

const OURS = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const THIEFS = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';
const DAY_MS = 86_400_000;
const root = mkdtempSync(join(tmpdir(), 'idlewatt-shared-payout-'));
let number = 0;
const newFolder = () => join(root, String(++number));

after(() => rmSync(root, { recursive: true }));

/** The founder, a second owner and a machine that only serves, each with its roster. */
async function threeMachines() {
  const office = await createOffice();
  const { roster, open } = office;
  const [second, third] = [await newKey(), await newKey()];
  const other = await open(second, await roster.add({ peer: second.peer, name: 'Second', role: 'owner' }));
  const record = await roster.add({ peer: third.peer, name: 'Third', role: 'serve' });
  const server = await open(third, record);
  await other.take(roster.lists());
  return { ...office, second, third, other, server };
}

test('an owner’s address reaches every machine, and only an owner sets it', async () => {
  const { roster, other, server } = await threeMachines();
  await assert.rejects(server.setPayout(THIEFS), { code: 'not-permitted' });
  await roster.setPayout(OURS);
  await other.take(roster.lists());
  await server.take(other.lists());
  assert.deepEqual([server.payout()?.address, server.payout()?.by?.name], [OURS, 'Front desk']);
  await other.setPayout(null);
  assert.equal(await server.take(other.lists()), true);
  assert.equal(server.payout(), null, 'each has its own again');
  assert.equal(await server.take(roster.lists()), false, 'the earlier list brings nothing back');
});

test('the address of an owner that is removed ends with it, and the one before counts again', async () => {
  const { roster, other, second, server } = await threeMachines();
  await roster.setPayout(OURS);
  await other.take(roster.lists());
  await other.setPayout(THIEFS);
  await server.take(other.lists());
  assert.equal(server.payout()?.address, THIEFS);
  await roster.take(other.lists());
  await roster.remove(second.peer);
  await server.take(roster.lists());
  for (const machine of [roster, server]) assert.equal(machine.payout()?.address, OURS);
});

test('an accomplice that a removed owner added as an owner has no say any more, and stays a machine', async () => {
  const { roster, other, second, server, third, open } = await threeMachines();
  await roster.setPayout(OURS);
  await other.take(roster.lists());
  const [accomplice, another] = [await newKey(), await newKey()];
  const added = await other.add({ peer: accomplice.peer, name: 'Accomplice', role: 'owner' });
  await other.add({ peer: third.peer, name: 'Third', role: 'use' });
  const theirs = await open(accomplice, added);
  const last = await open(another, await theirs.add({ peer: another.peer, name: 'Another', role: 'owner' }));
  await last.setPayout(THIEFS);
  for (const lists of [other.lists(), last.lists()]) await roster.take(lists);
  assert.equal(roster.payout()?.address, THIEFS);
  await roster.remove(second.peer);
  await server.take(last.lists());
  await server.take(roster.lists());
  for (const machine of [roster, server]) {
    assert.equal(machine.payout()?.address, OURS);
    assert.deepEqual(
      [second, accomplice, another, third].map(({ peer }) => machine.roleOf(peer)),
      [null, 'use', 'use', 'use'],
    );
  }
});

test('a stored membership tells the address, and nothing to a machine that was removed', async () => {
  const { roster, third, record } = await threeMachines();
  await roster.setPayout(OURS);
  const stored = { ...record, lists: [...roster.lists()] };
  assert.equal((await storedPayout(stored, third.peer, verifySigned))?.address, OURS);
  await roster.remove(third.peer);
  const removed = { ...record, lists: [...roster.lists()] };
  assert.equal(await storedPayout(removed, third.peer, verifySigned), null);
});

/** A machine that sells, with the payout address `inUse`, started by a desktop or not. */
function seller(
  inUse: string | null,
  isDesktop: boolean,
  roster: Parameters<typeof watchSharedPayout>[2]['roster'],
) {
  const keys = newFolder();
  sharedPayoutFile(keys).write(inUse);
  const clock = manualClock(NOW_MS);
  const notices = createNotices();
  const records = createMemoryRecordStore();
  let restarts = 0;
  let jobs = 0;
  const watch = () =>
    watchSharedPayout(
      {
        ...{ clock, notices, log: createRecordingLog(), onClose: () => undefined },
        terms: PROFILES.practice,
      } as unknown as Parameters<typeof watchSharedPayout>[0],
      { records, paths: { keys } as HomePaths },
      {
        ...{ roster, network: 'cd'.repeat(8), own: 'own', isIdle: () => jobs === 0 },
        restart: isDesktop
          ? () => {
              restarts += 1;
            }
          : null,
      },
    );
  const work = (active: number) => {
    jobs = active;
  };
  return { clock, watch, work, records, shown: () => notices.list(), restarts: () => restarts };
}

/** `setAtMs` is what the owner's machine claims. */
function rosterWith(address: string | null, setAtMs = NOW_MS) {
  const by = { peer: '12D3KooW4567wxyz', name: 'Front desk', role: 'owner' as const, addedAtMs: 0 };
  return {
    payout: () => (address === null ? null : { address, setAtMs, revision: 3, by }),
    roleOf: () => 'use' as const,
    onChange: () => () => undefined,
  };
}

test('a page shows only an address that machines follow: one with its checksum', () => {
  assert.equal(readable(rosterWith(OURS).payout())?.address, OURS);
  for (const wrong of [OURS.toLowerCase(), OURS.replace('F79', 'f79')])
    assert.equal(readable(rosterWith(wrong).payout()), null);
  assert.equal(readable(null), null);
});

test('the notice tells why the former address is still in use', () => {
  const machine = seller(null, false, rosterWith(OURS));
  machine.records.set('own-machines', 'payout-waiting', JSON.stringify('The chain is unavailable.'));
  machine.watch();
  const notice = machine.shown().find(({ code }) => code === 'payout-next-start');
  assert.deepEqual(notice?.details, { reason: 'The chain is unavailable.' });
});

test('a change is shown for a week from when the machine learned of it, even if the owner’s list has an old time', () => {
  const machine = seller(OURS, false, rosterWith(OURS, 0));
  machine.watch();
  const expected = [
    { code: 'payout-for-all', severity: 'warning', details: { address: OURS, by: 'Front desk (4567wxyz)' } },
  ];
  assert.deepEqual(machine.shown(), expected);
  machine.clock.advance(6 * DAY_MS);
  assert.deepEqual(machine.shown(), expected);
  machine.clock.advance(DAY_MS + 1);
  assert.deepEqual(machine.shown(), []);
});

test('another address is shown and followed again, even if its revision is the one before', () => {
  let now = rosterWith(OURS);
  const machine = seller(null, true, { ...now, payout: () => now.payout() });
  machine.watch();
  machine.clock.advance(8 * DAY_MS);
  assert.ok(!machine.shown().some(({ code }) => code === 'payout-for-all'));
  now = rosterWith(THIEFS);
  machine.clock.advance(3_600_000);
  const shown = machine.shown().find(({ code }) => code === 'payout-for-all');
  assert.equal(shown?.details.address, THIEFS);
  assert.equal(machine.restarts(), 2);
});

test('another address than the one in use waits for the next start, which a desktop begins once', () => {
  for (const [isDesktop, restarts] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const machine = seller(null, isDesktop, rosterWith(OURS));
    machine.watch();
    machine.watch();
    assert.ok(machine.shown().some(({ code }) => code === 'payout-next-start'));
    assert.equal(machine.restarts(), restarts);
  }
  const back = seller(OURS, true, rosterWith(null));
  back.watch();
  assert.equal(back.restarts(), 1, 'also back to its own');
});

test('an automatic start waits for the jobs, and comes at most once an hour however often the address changes', () => {
  let now = rosterWith(OURS);
  const machine = seller(null, true, { ...now, payout: () => now.payout() });
  machine.work(1);
  machine.watch();
  machine.clock.advance(60_000);
  assert.equal(machine.restarts(), 0, 'a job is in progress');
  machine.work(0);
  machine.clock.advance(60_000);
  assert.equal(machine.restarts(), 1);
  for (let minute = 0; minute < 58; minute += 1) {
    now = rosterWith(minute % 2 === 0 ? THIEFS : OURS);
    machine.clock.advance(60_000);
  }
  assert.equal(machine.restarts(), 1);
  now = rosterWith(THIEFS);
  machine.clock.advance(3 * 60_000);
  assert.equal(machine.restarts(), 2);
});

test('an address without its checksum, or with a wrong one, counts as none', () => {
  for (const address of [OURS.toLowerCase(), OURS.replace('F', 'f')]) {
    const machine = seller(null, true, rosterWith(address));
    machine.watch();
    assert.deepEqual([machine.restarts(), machine.shown()], [0, []]);
  }
});

test('the address for all comes before a machine’s own, which is not changed meanwhile', async () => {
  const folder = newFolder();
  const keys = createKeyTools({ scryptCost: 2 });
  const open = () => openWallet({ folder, passphrase: 'several random words', keys, createIfAbsent: true });
  const secrets = createSecrets({
    ...{ folder, keys, readAddress, clock: manualClock(NOW_MS), isOwed: () => false },
  });
  const own = (await open()).payout;
  secrets.setPayoutAddress(THIEFS);
  sharedPayoutFile(folder).write(OURS);
  assert.equal((await open()).payout, OURS);
  assert.throws(() => secrets.setPayoutAddress(own), { code: 'not-permitted' });
  sharedPayoutFile(folder).write(null);
  assert.equal((await open()).payout, THIEFS, 'its own address comes back');
  assert.equal(namedPayout(folder), THIEFS);
  sharedPayoutFile(folder).write(own);
  assert.equal(namedPayout(folder), null, 'the key of the wallet signs by itself');
});

test('a report of sales is bounded, and one of an earlier version has none', () => {
  const asset = { id: 'eip155:8453/0xusdc', symbol: 'USDC', decimals: 6, practice: false };
  const outside = { asset, earned: '1234567', payout: OURS };
  const { outside: _, ...earlier } = REPORT;
  const parse = (report: unknown) => machineAnswerSchema.safeParse({ lists: 'ab'.repeat(32), report });
  assert.deepEqual(parse({ ...REPORT, outside }).data?.report.outside, outside);
  assert.equal(parse(earlier).data?.report.outside, null);
  const absurd: readonly object[] = [
    { earned: '-1' },
    { earned: '1e9' },
    { earned: 12 },
    { earned: '9'.repeat(31) },
    { asset: { ...asset, symbol: 'x'.repeat(13) } },
    { asset: { ...asset, decimals: 400 } },
    { payout: 'https://example.com' },
  ];
  for (const patch of absurd) {
    assert.equal(
      parse({ ...REPORT, outside: { ...outside, ...patch } }).success,
      false,
      JSON.stringify(patch),
    );
  }
});

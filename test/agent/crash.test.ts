/**
 * Verifies: no base unit is lost or counted twice, no matter which process is killed, and when, while the disk is full,
 * after a log was lost, or while clocks jump.
 * Setup: a short run of `npm run test:crash` with a fixed seed: the real practice network, its processes killed with
 * SIGKILL, both ledgers and the chain compared after each kill by an oracle that shares no code with the ledger; and
 * the harness itself, whose choices must follow from the seed, whose faults must be real and whose checker must detect a
 * difference.
 * Fails if: a charge is not recorded after a crash, a deposit is forgotten, a claim is counted twice, a lost log goes
 * unnoticed.
 * Lab: processes are killed and started again eight times.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { apart } from '../crash/checker.ts';
import type { CrashSummary } from '../crash/crash-run.ts';
import { type Books, readBooks } from '../crash/ledger-snapshot.ts';
import { FAULTS, planKill, TARGETS } from '../crash/plan.ts';
import { breakSurroundings } from '../crash/surroundings.ts';
import { temporaryHome } from './practice-agent.ts';

const SEED = 15;
const KILLS = 8;

const folder = temporaryHome();
after(() => folder.remove());

test('the same seed makes the same choices, and a long run makes every choice', () => {
  const plan = (seed: number) => Array.from({ length: 200 }, (_, index) => planKill(seed, index + 1, true));
  assert.deepEqual(plan(7), plan(7));
  assert.notDeepEqual(plan(7), plan(8));
  for (const target of TARGETS) assert.ok(plan(7).some((kill) => kill.target === target));
  for (const kind of ['token', 'answer', 'deposit', 'claim', 'start']) {
    assert.ok(plan(7).some(({ moment }) => moment.kind === kind));
  }
  for (const kind of FAULTS) {
    assert.ok(plan(7).filter(({ fault }) => fault?.kind === kind).length > 15, kind);
  }
  const withoutFaults = plan(7).map((_, index) => planKill(7, index + 1));
  assert.deepEqual(
    withoutFaults,
    plan(7).map((kill) => ({ ...kill, fault: null })),
    'faults change no other choice',
  );
});

test('a clock of the run shifts the wall clock of its own agent alone, while it runs', () => {
  const clocks = join(folder.path, 'clocks');
  const { environment, setClock } = breakSurroundings(join(folder.path, 'home'), clocks);
  const program = `
    const [before, beganMs] = [Date.now(), performance.now()];
    require('node:fs').renameSync(process.argv[1], process.argv[1].replace('.next', ''));
    setTimeout(() => console.log(JSON.stringify({
      shift: Date.now() - before, date: new Date().getTime() - before, monotonic: performance.now() - beganMs,
      given: new Date(5).getTime() })), 200);`;
  const shiftOf = (role: string): Record<string, number> => {
    writeFileSync(join(clocks, 'provider.next'), '3600000');
    const next = join(clocks, 'provider.next');
    const output = execFileSync(process.execPath, ['--eval', program, next, role], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    });
    setClock('provider', 0);
    return JSON.parse(output);
  };
  const provider = shiftOf('owner');
  for (const key of ['shift', 'date']) assert.ok(Math.abs((provider[key] ?? 0) - 3_600_000) < 5_000, key);
  assert.ok((provider.monotonic ?? 0) < 5_000);
  assert.equal(provider.given, 5);
  assert.ok((shiftOf('--practice-requester').shift ?? 0) < 5_000);
});

// Eight restarts of two agents, an engine and a chain take minutes where the CPU is shared.
test('after eight kills, every base unit is where the ledgers record it', { timeout: 8 * 60_000 }, () => {
  const home = join(folder.path, 'kept');
  mkdirSync(home);
  const command = join(REPOSITORY, 'scripts/commands/test-crash.ts');
  const options = ['--kills', String(KILLS), '--seed', String(SEED), '--keep', home, '--verbose'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...options], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  const line = stdout.split('\n').find((each) => each.startsWith('{')) ?? '';
  const summary = JSON.parse(line) as CrashSummary;
  assert.equal(summary.kills, KILLS);
  assert.ok(BigInt(summary.earned) > 0n);
  assert.ok(summary.answers.complete > KILLS);
  const expected = process.platform === 'linux' ? 1 : 0;
  for (const kind of FAULTS) assert.ok(summary.byFault[kind] >= expected, kind);

  // The oracle reads real figures and detects a difference of one unit.
  const provider = readBooks(join(home, 'idlewatt.db'));
  const requester = readBooks(join(home, 'requester', 'idlewatt.db'));
  assert.deepEqual(apart({ provider, requester }), []);
  const [channel, account] = [...provider.sold][0] ?? [];
  assert.ok(channel !== undefined && account !== undefined);
  const more: Books = {
    ...provider,
    sold: new Map([[channel, { ...account, charged: account.charged + 1n }]]),
  };
  assert.deepEqual(apart({ provider: more, requester }), [channel]);
});

/**
 * Verifies: no base unit is lost or counted twice, no matter which process is killed, and when.
 * Setup: a short run of `npm run test:crash` with a fixed seed: the real practice network, its processes killed with
 * SIGKILL, both ledgers and the chain compared after each kill by an oracle that shares no code with the ledger; and
 * the harness itself, whose choices must follow from the seed and whose checker must detect a difference.
 * Fails if: a charge is not recorded after a crash, a deposit is forgotten, a claim is counted twice.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { apart } from '../crash/checker.ts';
import { runCrashes } from '../crash/crash-run.ts';
import { type Books, readBooks } from '../crash/ledger-snapshot.ts';
import { ledgerVerify } from '../crash/ledger-verify.ts';
import { planKill, TARGETS } from '../crash/plan.ts';
import { temporaryHome } from './practice-agent.ts';

const SEED = 8;
const KILLS = 8;

const folder = temporaryHome();
after(() => folder.remove());

test('the same seed makes the same choices, and a long run makes every choice', () => {
  const plan = (seed: number) => Array.from({ length: 200 }, (_, index) => planKill(seed, index + 1));
  assert.deepEqual(plan(7), plan(7));
  assert.notDeepEqual(plan(7), plan(8));
  for (const target of TARGETS) assert.ok(plan(7).some((kill) => kill.target === target));
  for (const kind of ['token', 'answer', 'deposit', 'claim', 'start']) {
    assert.ok(plan(7).some(({ moment }) => moment.kind === kind));
  }
});

// Eight restarts of two agents, an engine and a chain take minutes where the CPU is shared.
test('after eight kills, every base unit is where the ledgers record it', {
  timeout: 6 * 60_000,
}, async () => {
  const home = join(folder.path, 'home');
  const summary = await runCrashes({
    home,
    seed: SEED,
    kills: KILLS,
    verify: ledgerVerify,
    verifyEvery: KILLS + 1,
  });
  assert.equal(summary.kills, KILLS);
  assert.ok(BigInt(summary.earned) > 0n);
  assert.ok(summary.answers.complete > KILLS);

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

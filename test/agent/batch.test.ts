/**
 * Verifies: a batch answers every line once and pays none twice, whichever process is killed meanwhile.
 * Setup: the real practice network with the tiny model; the requester, then all processes of the machine are killed
 * with SIGKILL while lines are computed. Lines are compared with the jobs and the ledgers of both databases, read by code
 * that shares nothing with them. `test/contract/batch-kills.test.ts` draws the moments of many kills.
 * Fails if: a line is missing, doubled, failed or charged twice, a charge belongs to no line, or the sums of lines and
 * ledgers differ.
 * Long: a batch survives kills.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runBatchWithKills } from '../crash/batch-run.ts';
import { temporaryHome } from './practice-agent.ts';

const LINES = 16;
const KILLS = 2;
/** Lines that a provider computes at the same time. */
const AT_WORK_MAX = 8;

const folder = temporaryHome();
after(() => folder.remove());

// Two restarts of two agents, an engine and a chain take minutes where the CPU is shared.
test('after two kills, every line is answered once and paid once', {
  timeout: 8 * 60_000,
}, async (context) => {
  const summary = await runBatchWithKills({
    ...{ home: folder.path, lines: LINES, kills: KILLS, maxTokens: 8 },
    onKill: (line) => context.diagnostic(line),
  });
  assert.equal(summary.status, 'completed');
  assert.deepEqual(summary.errors, {});
  assert.deepEqual([summary.answered, summary.distinct], [LINES, LINES]);
  const { paidTwice, wrong, strays } = summary;
  assert.deepEqual({ paidTwice, wrong, strays }, { paidTwice: [], wrong: [], strays: [] });
  // A provider that is killed between an answer and its charge has given that answer away.
  assert.ok(summary.chargedJobs >= LINES - AT_WORK_MAX, `${summary.chargedJobs} charges`);
  assert.deepEqual([summary.spent, summary.earned], [summary.chargedByLines, summary.chargedByLines]);
});

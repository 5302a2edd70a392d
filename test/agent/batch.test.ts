/**
 * Verifies: a batch reports every line once and pays none twice, whichever process is killed meanwhile.
 * Setup: the real practice network with the tiny model; the requester, then all processes of the machine are killed
 * with SIGKILL while lines are computed. The ledgers are read by code that shares nothing with them.
 * Fails if: a line is missing, doubled, charged twice or in the error file for another reason than a lost answer, or the ledgers hold another sum than the lines.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runBatchWithKills } from '../crash/batch-run.ts';
import { temporaryHome } from './practice-agent.ts';

const LINES = 24;
const KILLS = 2;
/** Lines that a provider computes at the same time. */
const AT_WORK_MAX = 8;

const folder = temporaryHome();
after(() => folder.remove());

// Two restarts of two agents, an engine and a chain take minutes where the CPU is shared.
test('after two kills, every line is reported once and no token is paid twice', {
  timeout: 8 * 60_000,
}, async (context) => {
  const summary = await runBatchWithKills({
    ...{ home: folder.path, lines: LINES, kills: KILLS, maxTokens: 8 },
    onKill: (line) => context.diagnostic(line),
  });
  assert.equal(summary.status, 'completed');
  // Killed together with its provider, an answer that was charged is gone: it is reported, and not bought again.
  assert.deepEqual(
    Object.keys(summary.errors).filter((code) => code !== 'answer_lost'),
    [],
  );
  assert.equal(summary.answered + summary.failed, LINES);
  // A line that was interrupted is continued as a further job, which is charged for the rest.
  assert.deepEqual(summary.paidTwice, []);
  // A provider that is killed between an answer and its charge has given that answer away.
  assert.ok(summary.chargedJobs >= LINES - KILLS * AT_WORK_MAX, `${summary.chargedJobs} charges`);
  assert.equal(summary.distinct, LINES);
  assert.equal(summary.spent, summary.earned, 'both ledgers agree');
  // A charge that a killed provider reported, and hasn't recorded, is in no ledger until the channel is used again.
  const difference = summary.chargedByLines - summary.earned;
  context.diagnostic(`charged by lines, but in no ledger: ${difference}`);
  assert.ok(difference >= 0n, 'no ledger has more than the lines');
  assert.ok(summary.chargedJobs < LINES || difference === 0n, 'each charged job belongs to a line');
});

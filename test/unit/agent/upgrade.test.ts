/**
 * Verifies: an agent whose program was replaced shows that, and restarts only when its owner wants it and no job runs.
 * Setup: a temporary file in place of the program's package.json, a clock that the test sets.
 * Fails if: an upgrade is missed, a half-written file counts as one, or a running job is ended by the restart.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchUpgrade } from '../../../main/agent/upgrade.ts';
import { createNotices } from '../../../main/core/notices/index.ts';
import { VERSION } from '../../../shared/version.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const MINUTE_MS = 60_000;

test('shows another version until the running one is installed again', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-upgrade-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'package.json');
  const [clock, notices] = [manualClock(0), createNotices()];
  const jobs = { activeJobs: () => 0, refuseJobs: () => () => undefined };
  const parts = { clock, notices, log: createRecordingLog(), ...jobs, relaunch: null, file };
  const upgrade = watchUpgrade(parts);
  const shown = () => notices.list().map(({ code, details }) => `${code} ${details.version}`);
  const after = (content: string) => {
    writeFileSync(file, content);
    clock.advance(MINUTE_MS);
    return shown();
  };
  assert.deepEqual(after(JSON.stringify({ version: VERSION })), []);
  assert.deepEqual(after('{"version": "9.0'), []);
  assert.deepEqual(after('{"version": "9.0.0"}'), ['upgraded 9.0.0']);
  assert.deepEqual(after('{}'), ['upgraded 9.0.0']);
  assert.deepEqual(after(JSON.stringify({ version: VERSION })), []);
  assert.throws(() => upgrade.restart(), { code: 'unsupported' });
  upgrade.stop();
});

test('restarts once, when no job runs or the longest wait is over', async () => {
  const clock = manualClock(0);
  let [jobs, restarts, refusals] = [2, 0, 0];
  const start = () =>
    watchUpgrade({
      ...{ clock, notices: createNotices(), log: createRecordingLog(), activeJobs: () => jobs },
      refuseJobs() {
        refusals += 1;
        return () => {
          refusals -= 1;
        };
      },
      relaunch() {
        restarts += 1;
      },
    });
  const upgrade = start();
  upgrade.restart();
  upgrade.restart();
  clock.advance(9 * MINUTE_MS);
  assert.equal(restarts, 0);
  assert.equal(refusals, 1, 'new jobs would delay it');
  jobs = 0;
  clock.advance(MINUTE_MS / 60);
  clock.advance(MINUTE_MS);
  await settled();
  assert.equal(restarts, 1);
  jobs = 1;
  start().restart();
  clock.advance(11 * MINUTE_MS);
  await settled();
  assert.equal(restarts, 2, 'a job that never ends doesn’t prevent it');

  [jobs, refusals] = [0, 0];
  const updating = start();
  updating.restart(() => Promise.reject(new Error('the update could not be installed')));
  clock.advance(MINUTE_MS);
  await settled();
  assert.deepEqual([restarts, refusals], [2, 0], 'jobs are taken again');
  updating.restart(async () => undefined);
  clock.advance(MINUTE_MS);
  await settled();
  assert.equal(restarts, 3, 'it may be tried again');
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Verifies: a token of one job costs the same, however many jobs are in progress: only a reader of the list makes it.
 * Setup: a thousand jobs that count how often they are read.
 * Fails if: each token of each job lists all of them, with which a storefront of a thousand streams came to a standstill, or a
 *   change isn't reported.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActiveJobs, type RunningJob } from '../../../main/core/provider/active-jobs.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const JOBS = 1_000;

test('reports each token without listing the jobs', () => {
  let reports = 0;
  let reads = 0;
  const read = <T>(value: T) => {
    reads += 1;
    return value;
  };
  const active = createActiveJobs(manualClock(0), () => {
    reports += 1;
  });
  const ends = Array.from({ length: JOBS }, (_, index) => {
    const job: RunningJob = {
      ...{ id: String(index), peer: 'web-0a', model: 'model', startedAtMs: 0 },
      outputTokens: () => read(1),
      inputTokens: () => read(1),
      chargeSoFar: () => read(amount(1n)),
      tokensPerSecond: () => read(1),
    };
    return active.add(job, 10, new AbortController());
  });
  for (let token = 0; token < JOBS; token += 1) active.changed();
  for (const end of ends.slice(1)) end();
  assert.deepEqual([reports, reads], [2 * JOBS - 1, 0]);
  assert.deepEqual([active.list().length, reads], [1, 4]);
});

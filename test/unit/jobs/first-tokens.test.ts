/**
 * Verifies: how long this machine's purchases of a model waited for their first token.
 * Setup: jobs made up by the test.
 * Fails if: another model, a job without a token or one from a clock that was set back counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstTokenOf } from '../../../main/core/jobs/index.ts';

const job = (model: string, firstTokenAtMs: number | null) => ({ model, createdAtMs: 1_000, firstTokenAtMs });

test('the time to the first token is the median of the purchases of that model that had one', () => {
  const jobs = [
    job('a', 1_300),
    job('a', null),
    job('a', 1_900),
    job('b', 9_000),
    job('a', 1_400),
    job('a', 10),
  ];
  assert.deepEqual(firstTokenOf(jobs, 'a'), { ms: 400, jobs: 3 });
  assert.deepEqual(firstTokenOf(jobs, 'c'), { ms: null, jobs: 0 });
});

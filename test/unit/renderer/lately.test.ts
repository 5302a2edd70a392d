// Verifies: the charts of the last minutes are drawn each second while jobs run, and rarely otherwise.
// Setup: samples with and without jobs.
// Fails if: an idle window redraws its charts each second, which is most of its CPU time; the begin or the end of a job
//   appears late.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWorthDrawing, type Sample } from '../../../renderer/lately.ts';

const sample = (jobs: number | null): Sample => ({
  tokensPerSecond: 0,
  watts: null,
  celsius: null,
  cpuPercent: 3,
  usedMemoryBytes: null,
  jobs,
  isOwners: false,
});

test('each sample is drawn while a job runs, and the one after its end', () => {
  assert.equal(isWorthDrawing(sample(1), sample(1), 1), true);
  assert.equal(isWorthDrawing(sample(1), sample(0), 1), true);
  assert.equal(isWorthDrawing(sample(0), sample(1), 1), true);
});

test('without jobs and without new readings every fifteenth sample is drawn', () => {
  const counts = Array.from({ length: 15 }, (_, index) => index + 1);
  const drawn = counts.filter((undrawn) => isWorthDrawing(sample(0), sample(0), undrawn));
  assert.deepEqual(drawn, [15]);
});

test('the owner’s return is drawn immediately', () => {
  assert.equal(isWorthDrawing({ ...sample(0), isOwners: true }, sample(0), 1), true);
});

test('a page that loses its agent, or gets one, draws that', () => {
  assert.equal(isWorthDrawing(sample(null), sample(0), 1), true);
  assert.equal(isWorthDrawing(sample(0), sample(null), 1), true);
});

/**
 * Verifies: a provider takes the report of a buyer on an answer that this buyer bought, and of nobody else.
 * Setup: the real service with a scripted engine and a fake payment gate; reports are stored in memory.
 * Fails if: a stranger can write to this machine's disk, a report of one job replaces another, or the owner sees what a
 * buyer made up beyond its own claim.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createReceivedChecks } from '../../../main/core/answer-checks/index.ts';
import type { AnswerCheck } from '../../../shared/answer-check.ts';
import type { Job } from '../../../shared/jobs.ts';
import { CHECK_REPORTS_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { ask, reading, refused, setUp } from './provider-setup.ts';

const REPORT = { tokens: 60, differing: 20, gapMean: 0.3, logStanding: 12 };

/** A provider that has sold one answer. */
async function sold() {
  const records = createMemoryRecordStore();
  const clock = manualClock(5_000);
  const reported: Job[] = [];
  const received = createReceivedChecks({
    ...{ records, clock, findJob: (id) => found(id) },
    onReport: (job) => reported.push(job),
  });
  const provider = await setUp({ takeReport: received.take });
  const found = (id: string) => provider.jobs.all().find((job) => job.id === id) ?? null;
  const answer = provider.post(ask({ stream: true }));
  const run = await provider.engine.next();
  run.start(1);
  run.text('Hello', 5);
  run.end('stop');
  await reading(await answer).rest();
  const job = provider.jobs.all()[0] ?? assert.fail('nothing was sold');
  const report = (body: object, id = job.id, headers: Record<string, string> = {}) => {
    const text = JSON.stringify(body);
    const path = `${CHECK_REPORTS_PATH}/${id}`;
    return provider.post(text, { path, headers: { 'content-length': `${text.length}`, ...headers } });
  };
  return { ...provider, job, report, received, records, clock, reported };
}

it('the first report of a job’s buyer is stored, with the time of its arrival', async () => {
  const { report, received, job, clock, reported } = await sold();
  assert.equal(received.find(job), null);
  assert.equal((await report(REPORT)).status, 204);
  const expected: AnswerCheck = { ...REPORT, atMs: 5_000, isAlarm: true };
  assert.deepEqual(received.find(job), expected);
  clock.advance(1_000);
  assert.equal((await report({ ...REPORT, tokens: 61 })).status, 204);
  assert.deepEqual(received.find(job), expected);
  assert.deepEqual(
    reported.map(({ id }) => id),
    [job.id],
  );
});

it('a report of another peer, or on a job that isn’t its own, is refused', async () => {
  const { report, received, job, jobs } = await sold();
  await refused(await report(REPORT, job.id, { 'x-peer-id': 'stranger' }), 404, {});
  await refused(await report(REPORT, 'unknown'), 404, {});
  jobs.update(job.id, { charged: '0' });
  await refused(await report(REPORT), 404, {});
  jobs.update(job.id, { charged: '5' });
  jobs.insert({ ...job, id: 'bought', side: 'bought' });
  await refused(await report(REPORT, 'bought'), 404, {});
  assert.equal(received.find(job), null);
});

it('a malformed or large report is refused', async () => {
  const { report, received, job, assertIdle } = await sold();
  const malformed = [
    ...[{}, { ...REPORT, tokens: -1 }, { ...REPORT, gapMean: 3 }, { ...REPORT, logStanding: '12' }],
    ...[
      { ...REPORT, prompt: 'Hello' },
      { ...REPORT, differing: 1.5 },
    ],
  ];
  for (const body of malformed) await refused(await report(body), 400, {});
  const large = await report({ ...REPORT, more: 'x'.repeat(1_100) });
  assert.equal(large.status, 400);
  assert.match(await large.text(), /A report has at most 1024 bytes/);
  assert.equal(received.find(job), null);
  assertIdle();
});

it('at most 200 reports are stored; the oldest go', async () => {
  const { report, received, records, jobs, job, clock } = await sold();
  for (let index = 0; index < 203; index += 1) {
    const id = `sold-${index}`;
    jobs.insert({ ...job, id });
    clock.advance(1);
    received.take(job.peer, id, REPORT);
  }
  assert.equal(records.list('received-checks').length, 200);
  assert.equal(received.find({ id: 'sold-2' }), null);
  assert.notEqual(received.find({ id: 'sold-3' }), null);
  assert.equal((await report({ ...REPORT })).status, 204);
});

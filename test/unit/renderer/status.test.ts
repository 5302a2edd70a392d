/**
 * Verifies: Home always shows the current status with its reason.
 * Setup: every reason with every state of the engine, and the routes of the pages.
 * Fails if: a reason has no text, "earning" appears while paused, or a route opens no page.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrefTo, PAGES, readRoute } from '../../../renderer/route.ts';
import type { AgentState } from '../../../shared/api/state.ts';
import { decisionOf, type PresenceReason, presenceReasonSchema } from '../../../shared/presence.ts';
import { statusOf } from '../../../shared/status.ts';
import en from '../../../shared/strings/en.json' with { type: 'json' };

const ENGINES = ['stopped', 'loading', 'ready', 'restarting', 'gave-up'] as const;

function work(reason: PresenceReason, engine: (typeof ENGINES)[number], jobs: number): AgentState['work'] {
  return {
    presence: { decision: decisionOf(reason), reason, sinceMs: 1, untilMs: null },
    engine,
    model: null,
    loaded: [],
    backend: null,
    threads: null,
    sandbox: null,
    graphicsProblems: [],
    hasJobSource: true,
    activeJobs: Array.from({ length: jobs }, (_, index) => ({
      id: `job-${index}`,
      model: 'm',
      requester: 'r',
      startedAtMs: 1,
      outputTokens: 0,
      inputTokens: null,
      maxTokens: 16,
      charge: null,
      tokensPerSecond: null,
    })),
    tokensPerSecond: null,
    tokensPerSecondAtMs: null,
    jobsToday: { served: 0, failed: 0 },
    perHour: null,
    handBacks: [],
  };
}

test('every reason has a text in the catalog, for every state of the engine', () => {
  const keys = Object.keys(en.why);
  for (const reason of presenceReasonSchema.options) {
    for (const engine of ENGINES) {
      for (const jobs of [0, 2]) {
        const { why } = statusOf(work(reason, engine, jobs));
        assert.ok(keys.includes(why) || keys.includes(`${why}_other`), `${reason}, ${engine}: ${why}`);
      }
    }
  }
});

test('the status is earning only while the engine runs a job', () => {
  assert.equal(statusOf(work('idle', 'ready', 1)).status, 'earning');
  assert.equal(statusOf(work('idle', 'ready', 0)).status, 'ready');
  assert.equal(statusOf(work('owner-active', 'ready', 1)).status, 'waiting');
  assert.equal(statusOf(work('paused-by-owner', 'ready', 1)).status, 'paused');
  assert.equal(statusOf(work('idle', 'gave-up', 0)).status, 'stopped');
});

test('an engine without any source of jobs names that, with the switch that changes it', () => {
  const without = { ...work('idle', 'ready', 0), hasJobSource: false };
  assert.deepEqual(statusOf(without), {
    status: 'ready',
    why: 'no-job-source',
    remedy: 'turn-market-on',
  });
  const ending = { ...work('idle', 'ready', 1), hasJobSource: false };
  assert.equal(statusOf(ending).why, 'serving-idle', 'a job that began before goes on');
});

test('a pause shows its end time, or that it lasts until the owner resumes', () => {
  const paused = work('paused-by-owner', 'ready', 0);
  assert.equal(statusOf(paused).why, 'paused-until-resume');
  const timed = { ...paused, presence: { ...paused.presence, untilMs: 5 } };
  assert.equal(statusOf(timed).why, 'paused-until-time');
});

test('a schedule without hours shows that it has none, instead of a next time', () => {
  for (const [reason, why] of [
    ['outside-schedule', 'no-scheduled-hour'],
    ['outside-off-peak', 'no-off-peak-hour'],
  ] as const) {
    const never = work(reason, 'stopped', 0);
    assert.equal(statusOf(never).why, why);
    const later = { ...never, presence: { ...never.presence, untilMs: 5 } };
    assert.equal(statusOf(later).why, reason);
    assert.equal(statusOf(later).remedy, statusOf(never).remedy);
  }
});

test('each page has an address that opens it, and an unknown address opens no page', () => {
  for (const page of PAGES) assert.deepEqual(readRoute(hrefTo(page)), { page, item: null });
  assert.deepEqual(readRoute(hrefTo('jobs', 'a/b c')), { page: 'jobs', item: 'a/b c' });
  assert.deepEqual(readRoute(''), { page: 'home', item: null });
  for (const hash of ['#/nowhere', '#/jobs/a/b', '#nowhere', '#/jobs/%E0%A4%A']) {
    assert.deepEqual(readRoute(hash), { page: 'not-found', item: null }, hash);
  }
});

/**
 * Verifies: a machine that no source can bring a job is recognized, so that Home names the reason.
 * Setup: settings with each source turned on alone.
 * Fails if: a source that is on isn't counted, or hotkeys count although none is allowed or nothing listens for them.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bringsJobs } from '../../../shared/job-sources.ts';

const NONE = { marketOn: false, hordeOn: false, bittensorHotkeys: [] };
const ALONE = { isFree: false, listensForHotkeys: false };

it('each source counts, and none of them is none', () => {
  assert.equal(bringsJobs(NONE, ALONE), false);
  assert.equal(bringsJobs({ ...NONE, marketOn: true }, ALONE), true);
  assert.equal(bringsJobs({ ...NONE, hordeOn: true }, ALONE), true);
  assert.equal(bringsJobs(NONE, { ...ALONE, isFree: true }), true);
});

it('hotkeys count only if one is allowed and the machine listens for it', () => {
  const allowed = { ...NONE, bittensorHotkeys: ['5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX'] };
  assert.equal(bringsJobs(NONE, { ...ALONE, listensForHotkeys: true }), false);
  assert.equal(bringsJobs(allowed, ALONE), false);
  assert.equal(bringsJobs(allowed, { ...ALONE, listensForHotkeys: true }), true);
});

/**
 * Verifies: an update replaces the sections that it carries and no other; the first whole state is found.
 * Setup: updates made up by the test.
 * Fails if: an undefined section erases a known one, a change before the whole state counts as a state, a watch that
 * ends early waits forever.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentState, StateUpdate } from '../../../shared/api/state.ts';
import { applyUpdate, firstState } from '../../../shared/api/state-updates.ts';

const STATE = { app: { version: '1' }, work: { model: 'm' } } as unknown as AgentState;
const whole: StateUpdate = { type: 'whole', state: STATE };
const changed: StateUpdate = {
  type: 'changed',
  sections: { app: { ...STATE.app, version: '2' }, work: undefined },
};

test('a change replaces its sections; undefined ones stay', () => {
  const state = applyUpdate(applyUpdate(null, whole), changed);
  assert.deepEqual([state?.app.version, state?.work.model], ['2', 'm']);
});

test('a change before the whole state is no state', () => {
  assert.equal(applyUpdate(null, changed), null);
});

test('finds the first whole state, and fails where the watch ends before it', async () => {
  async function* watch(...updates: StateUpdate[]) {
    yield* updates;
  }
  assert.equal(await firstState(watch(changed, whole)), STATE);
  await assert.rejects(firstState(watch(changed)), { code: 'aborted' });
});

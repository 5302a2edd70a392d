// Verifies: the pages' view of the start follows from the last report, the connection and the state; a page that lost its
//   agent never shows it as ready, earning or loading.
// Setup: every report, connection status and engine state, with a scripted state.
// Fails if: a step, a download or a failure is shown as something else; a lost agent keeps its last status.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutAgent } from '../../../renderer/lost-agent.ts';
import { startupView } from '../../../renderer/startup-view.ts';
import type { AgentState } from '../../../shared/api/state.ts';
import { statusOf } from '../../../shared/status.ts';
import { stateFor } from '../../fakes/agent-state.ts';

const state: AgentState = stateFor('busy', 1_700_000_000_000);
const none = { startup: null, lostAtMs: null, state: null };
const servedId = state.work.model ?? assert.fail('the script serves a model');

function withModel(
  patch: Partial<AgentState['models']['models'][number]>,
  work: Partial<AgentState['work']>,
) {
  const models = state.models.models.map((model) => (model.id === servedId ? { ...model, ...patch } : model));
  return { ...state, models: { ...state.models, models }, work: { ...state.work, ...work } };
}
const waiting = { presence: { decision: 'pause', reason: 'starting', sinceMs: 0, untilMs: null } } as const;

test('before the first state the reports tell', () => {
  assert.deepEqual(startupView({ ...none, status: 'connecting' }), { kind: 'connecting', isServing: false });
  const step = { phase: 'starting', step: 'chain', sinceMs: 5, again: false } as const;
  assert.deepEqual(startupView({ ...none, status: 'connecting', startup: step }), {
    kind: 'step',
    step: 'chain',
    sinceMs: 5,
    again: false,
  });
  assert.deepEqual(startupView({ ...none, status: 'connecting', startup: { phase: 'serving' } }), {
    kind: 'connecting',
    isServing: true,
  });
  const failed = { phase: 'failed', message: 'No.', code: null, hasRun: false } as const;
  assert.deepEqual(startupView({ ...none, status: 'connecting', startup: failed }), {
    kind: 'failed',
    message: 'No.',
    hasRun: false,
  });
  assert.deepEqual(startupView({ ...none, status: 'no-token' }), { kind: 'no-access', reason: 'no-token' });
});

test('then the state has the model’s progress', () => {
  const live = (next: AgentState) => startupView({ ...none, status: 'live', state: next });
  const progress = { receivedBytes: 34e6, totalBytes: 94e6, bytesPerSecond: 1e6, source: 'hub' };
  const downloading = live(withModel({ state: 'downloading', progress }, waiting));
  assert.equal(downloading.kind, 'downloading');
  assert.ok(downloading.kind === 'downloading' && downloading.receivedBytes === 34e6);
  assert.equal(live(withModel({ state: 'verifying' }, waiting)).kind, 'verifying');
  assert.equal(live(withModel({ state: 'ready' }, { engine: 'loading' })).kind, 'loading');
  assert.equal(live(withModel({ state: 'ready' }, waiting)).kind, 'preparing');
  assert.equal(live(withModel({ state: 'ready' }, { engine: 'ready' })).kind, 'up');
});

test('a lost agent is stopped, whatever it did, until there is news', () => {
  for (const engine of ['stopped', 'loading', 'ready', 'restarting', 'gave-up'] as const) {
    const lost = withoutAgent({ ...state, work: { ...state.work, engine } });
    const { status, why } = statusOf(lost?.work ?? assert.fail('a state'));
    assert.deepEqual([status, why], ['stopped', 'no-agent']);
    assert.equal(lost?.work.tokensPerSecond, null);
    assert.deepEqual(lost?.work.activeJobs, []);
  }
  const lost = { status: 'reconnecting', lostAtMs: 7, state: withoutAgent(state) } as const;
  assert.deepEqual(startupView({ ...lost, startup: { phase: 'serving' } }), { kind: 'lost', sinceMs: 7 });
  const again = { phase: 'starting', step: 'program', sinceMs: 8, again: true } as const;
  assert.equal(startupView({ ...lost, startup: again }).kind, 'step');
});

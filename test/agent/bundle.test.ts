/**
 * Verifies: the agent that users start, bundled in dist/agent, finds its processes, its native part, its sandbox
 *   and its own files as the source does, and sells a job.
 * Setup: the bundle as a real headless agent on the practice network, with no source of models but its own tiny one.
 * Fails if: a path that a file computes from its own place means another one in the bundle, a library doesn't work
 *   bundled, or the engine's sandbox is weaker than that of the source.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { connectApi, waitForState } from '../../scripts/lib/agent-process.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { eventually, startWithoutSources, temporaryHome } from './practice-agent.ts';

/** Command lines of the programs below this process. */
const commandsOf = (parent: number): string[] =>
  globSync('/proc/[0-9]*/stat').flatMap((path) => {
    try {
      const stat = readFileSync(path, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== parent) return [];
      return [readFileSync(path.replace(/stat$/, 'cmdline'), 'utf8').replaceAll('\0', ' ')];
    } catch {
      return []; // ended meanwhile
    }
  });

// Tries each source of a model before it falls back, within 120 s.
test('the bundled agent sells a job from its own tiny model', { timeout: 3 * 60_000 }, async (context) => {
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
  const { work } = await waitForState(api, (state) => state.work.engine === 'ready', { timeoutMs: 120_000 });
  assert.equal(work.model, 'idlewatt-tiny');
  assert.equal(work.sandbox?.network, 'in-force');
  assert.equal(work.sandbox?.files, 'in-force');
  await eventually('a paid job', async () =>
    askOnce({ gateway, fetch }, 'idlewatt-tiny', practicePrompts(1).next().value).then(
      () => true,
      () => null,
    ),
  );
  const commands = commandsOf(agent.ready.pid);
  const source = commands.filter((command) => command.includes(join(REPOSITORY, 'main/')));
  assert.deepEqual(source, [], 'the bundle starts only its own programs');
  assert.ok(
    commands.some((command) => command.includes('dist/agent/main/adapters/llama/engine-process.js')),
    commands.join('\n'),
  );
});

test('no place in the bundle is left to be filled in', () => {
  const files = globSync('**/*.js', { cwd: join(REPOSITORY, 'dist/agent/main') });
  assert.ok(files.length > 10, `${files.length} files`);
  for (const file of files) {
    const code = readFileSync(join(REPOSITORY, 'dist/agent/main', file), 'utf8');
    assert.ok(!code.includes('%TO_AGENT%'), file);
  }
});

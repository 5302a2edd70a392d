/**
 * Verifies: agents of two users of one machine don't compute at the same time, even if they start together: one waits
 *   with its own reason and starts when the other one has ended.
 * Setup: two real agents of two system users with data folders of their own, in a network namespace of the test, so that
 *   the agents of other tests are another machine. Needs root on Linux.
 * Fails if: both run, the one that waits gives another reason, or it waits for ever.
 * Lab: two system users; the second agent loads its model after the first one has ended.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type RunningAgent, startAgent } from '../../scripts/lib/agent-process.ts';
import { temporaryHome } from './practice-agent.ts';

const NAMESPACE = `iw-users-${process.pid}`;
/** "nobody" on every Linux. */
const OTHER_USER = 65_534;
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** Reasons of the agent's decisions so far, in order. */
function reasonsOf(home: string): string[] {
  const file = join(home, 'logs/agent.log');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => /"reason":"(other-user|always-on|starting|no-model)"/.exec(line)?.[1] ?? []);
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 100));
}

test('of two users’ agents one waits until the other ends', {
  // Each agent starts a chain, tries the sources of a model, and loads the tiny one.
  timeout: 3 * 60_000,
  skip: isRoot ? false : 'needs root on Linux',
}, async (context) => {
  execFileSync('ip', ['netns', 'add', NAMESPACE]);
  context.after(() => execFileSync('ip', ['netns', 'delete', NAMESPACE]));
  execFileSync('ip', ['-n', NAMESPACE, 'link', 'set', 'lo', 'up']);
  const inside = ['ip', 'netns', 'exec', NAMESPACE];
  const agents = new Map<string, RunningAgent>();
  context.after(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()));
  });
  const start = async (home: string, under: readonly string[]) => {
    const parameters = ['--headless', '--home', home, '--quiet-requester'];
    const env = { IDLEWATT_MODEL_CACHE: join(home, 'cache'), HOME: home };
    agents.set(home, await startAgent(parameters, { env, under: [...inside, ...under] }));
  };
  const [own, other] = [temporaryHome(), temporaryHome()];
  context.after(() => {
    own.remove();
    other.remove();
  });
  chownSync(other.path, OTHER_USER, OTHER_USER);
  chmodSync(other.path, 0o700);

  await Promise.all([
    start(own.path, []),
    start(other.path, ['setpriv', `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, '--clear-groups']),
  ]);
  const homes = [own.path, other.path];
  const reasons = () => homes.map((home) => reasonsOf(home).at(-1));
  await until(() => isDeepStrictEqual(reasons().sort(), ['always-on', 'other-user']));
  const first = homes[reasons().indexOf('always-on')] ?? '';
  await agents.get(first)?.stop();
  agents.delete(first);
  await until(() => reasons()[homes.indexOf(first) === 0 ? 1 : 0] === 'always-on');
});

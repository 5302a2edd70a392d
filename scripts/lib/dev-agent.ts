/** Runs a headless agent for `npm run dev` and restarts it when its source changes. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentReady } from '../../shared/host.ts';
import { type RunningAgent, startAgent } from './agent-process.ts';
import { buildAll } from './build-targets.ts';
import { REPOSITORY } from './places.ts';

export interface DevAgent {
  /** Returns the content of the running agent’s READY line; null while none is ready. */
  ready(): AgentReady | null;
  stop(): Promise<void>;
}

const FOLDERS = ['main', 'shared', 'native'];
/** The shell is not part of the agent, and the pages load the texts themselves. */
const IGNORED = /^(main\/desktop[./]|shared\/strings\/.*\.json$)/;
const WATCHED = /\.(ts|json|node)$/;
/** Editors write a file in several steps, and a change of branches writes many. */
const SETTLE_MS = 150;

/**
 * Starts the agent with these command-line arguments. A failed start is printed; the next change starts it again.
 * `print` receives progress and the agent's standard error, line by line.
 */
export function keepDevAgent(args: readonly string[], print: (line: string) => void): DevAgent {
  let agent: RunningAgent | null = null;
  let stopped = false;
  let pending = Promise.resolve();
  let isQueued = false;

  const start = async () => {
    const startedMs = performance.now();
    agent = await buildAll({ only: ['agent'] })
      .then(() => startAgent(args, { onStderr: (line) => print(`agent: ${line}`) }))
      .catch(() => {
        // The bundler and the agent have printed the reason. Ctrl-C in a terminal reaches the agent, too.
        if (!stopped) print('The agent did not start. It starts again after the next change.');
        return null;
      });
    const started = agent;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (started !== null) print(`The agent is ready after ${seconds} s (process ${started.ready.pid}).`);
    started?.process.once('exit', (code, signal) => {
      if (agent !== started) return;
      agent = null;
      if (!stopped) print(`The agent exited (${signal ?? code}). It starts again after the next change.`);
    });
  };
  const stop = async () => {
    const running = agent;
    agent = null;
    await running?.stop();
  };
  const restart = async (file: string) => {
    await sleep(SETTLE_MS);
    isQueued = false;
    if (stopped) return;
    print(`${file} changed: restarting the agent.`);
    await stop();
    await start();
  };
  const watchers = FOLDERS.map((folder) =>
    watch(join(REPOSITORY, folder), { recursive: true }, (_event, name) => {
      const file = `${folder}/${(name ?? '').replaceAll('\\', '/')}`;
      if (isQueued || stopped || !WATCHED.test(file) || IGNORED.test(file)) return;
      isQueued = true;
      pending = pending.then(() => restart(file));
    }),
  );
  pending = start();
  return {
    ready: () => agent?.ready ?? null,
    async stop() {
      stopped = true;
      for (const watcher of watchers) watcher.close();
      await pending;
      await stop();
    },
  };
}

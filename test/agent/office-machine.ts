/** One machine of an office at a host of the lab, for office.test.ts: joins, runs its agent, and does what the test asks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createNetwork } from '../../main/adapters/libp2p/index.ts';
import { withRunningAgent } from '../../main/agent-commands/running-agent.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { homePaths } from '../../main/ports/data-folder.ts';
import { writeNetworkChoice } from '../../main/ports/network-choice.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { storyLines } from '../crash/batch-run.ts';
import { answerCalls } from '../lab/host-calls.ts';
import { eventually, temporaryHome } from './practice-agent.ts';

/** The calls of the test, each with its arguments and its result. */
export interface OfficeCalls {
  join(code: string, name: string): Promise<{ readonly code: number | null; readonly output: string }>;
  /** Starts as when the owner chose the network in Settings, joins with the code on the page, and ends. */
  joinOnPage(code: string): Promise<{ readonly restarts: boolean }>;
  start(): Promise<{ readonly peer: string; readonly addresses: readonly string[]; readonly chain: unknown }>;
  invite(role: 'owner' | 'use' | 'serve'): Promise<string>;
  /** Waits until this many machines are connected and have reported a loaded engine. */
  machines(ready: number): Promise<NonNullable<AgentState['machines']>>;
  state(): Promise<Pick<AgentState, 'app' | 'work' | 'wallet'>>;
  /** Waits until the gateway has the offers of this many machines. */
  offers(machines: number): Promise<void>;
  /** Status and code of a request to the gateway. */
  ask(): Promise<{ readonly status: number; readonly code: string | null }>;
  batch(lines: number): Promise<string>;
  /** Waits until this many lines are answered, or the batch has ended; null waits for that. */
  reached(id: string, lines: number | null): Promise<{ readonly status: string; readonly done: number }>;
  /** Custom IDs of the answered lines, and for each provider the jobs that it did. */
  results(
    id: string,
  ): Promise<{ readonly ids: readonly string[]; readonly jobs: Readonly<Record<string, number>> }>;
  order(peer: string | null, order: 'pause' | 'resume'): Promise<readonly string[]>;
  /** Sets the intensity for all machines. */
  setForAll(comfort: 1 | 2 | 3 | 4 | 5): Promise<void>;
  /** Waits until the intensity is this one; resolves with the code with which another one is refused here. */
  follows(comfort: 1 | 2 | 3 | 4 | 5): Promise<string | null>;
  metrics(): Promise<string>;
  /** Ends agent and engine as when the machine is switched off. */
  kill(): Promise<void>;
  /** Tries to reach an agent with this key of a private network, or without one; resolves with the failure. */
  knock(address: string, networkKey: string | null): Promise<string | null>;
}

const home = temporaryHome();
/** Options that choose the network; none where it was chosen in Settings. */
let profile: readonly string[] = ['--profile', 'office'];
let agent: RunningAgent | null = null;
let api: AgentApi | null = null;
const runningApi = () => forceUnwrap('the agent runs', api);

async function gateway(path: string, init: RequestInit = {}): Promise<Response> {
  const { baseUrl, key } = forceUnwrap('the agent has a gateway', agent?.ready.gateway);
  return fetch(`${baseUrl}${path}`, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${key}` },
  });
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const calls: OfficeCalls = {
  async join(code, name) {
    const child = spawn(
      process.execPath,
      [AGENT_PROGRAM, 'pair', 'join', '--home', home.path, '--name', name],
      { stdio: 'pipe' },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part: Buffer) => {
        output += part.toString();
      });
    }
    child.stdin.end(`${code}\n`);
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    return { code: exitCode, output };
  },
  async joinOnPage(code) {
    writeNetworkChoice(home.path, 'office');
    profile = [];
    await calls.start();
    const joined = await runningApi().machines.join({ code });
    await agent?.stop();
    return joined;
  },
  async start() {
    const network = profile.length === 0 ? 'office' : null;
    const { root, database } = homePaths(home.path, network);
    if (!existsSync(database)) prepareMeasuredHome(root, TINY_MODEL_ID);
    agent = await startAgent(['--headless', ...profile, '--home', home.path, '--metrics-port', '0']);
    ({ api } = await connectApi(forceUnwrap('a headless agent has a page', agent.ready.page)));
    const { peer, chain } = agent.ready;
    return { peer: peer.id, addresses: peer.addresses, chain };
  },
  async invite(role) {
    if (role !== 'owner') return (await runningApi().machines.invite({ role })).code;
    // Only the terminal and the desktop may make another machine an owner.
    const { root } = homePaths(home.path, profile.length === 0 ? 'office' : null);
    return withRunningAgent(root, async ({ shell }) => (await shell.inviteOwner({})).code);
  },
  async machines(ready) {
    const isReady = ({ machines }: AgentState) =>
      (machines?.machines ?? []).filter(
        ({ isConnected, report }) => isConnected && report?.engine === 'ready',
      ).length === ready;
    const { machines } = await waitForState(runningApi(), isReady, { timeoutMs: 90_000 });
    return forceUnwrap('an office has machines', machines);
  },
  async state() {
    const { app, work, wallet } = await waitForState(runningApi(), () => true, { timeoutMs: 10_000 });
    return { app, work, wallet };
  },
  async offers(machines) {
    await eventually('the offers', async () => {
      const { data } = (await (await gateway('/models')).json()) as { data: { providers: number }[] };
      return data[0]?.providers === machines ? true : null;
    });
  },
  async ask() {
    const messages = [{ role: 'user', content: 'Hello' }];
    const response = await gateway(
      '/chat/completions',
      json({ model: TINY_MODEL_ID, messages, max_tokens: 4 }),
    );
    const body = (await response.json()) as { error?: { code: string } };
    return { status: response.status, code: body.error?.code ?? null };
  },
  async batch(lines) {
    const form = new FormData();
    form.set('purpose', 'batch');
    const content = storyLines(lines, 32).map((line) => JSON.stringify(line));
    form.set('file', new Blob([content.join('\n')]), 'stories.jsonl');
    const file = (await (await gateway('/files', { method: 'POST', body: form })).json()) as { id: string };
    const asked = { input_file_id: file.id, endpoint: CHAT_PATH, completion_window: '24h' };
    return ((await (await gateway('/batches', json(asked))).json()) as { id: string }).id;
  },
  async reached(id, lines) {
    const state = await waitForState(
      runningApi(),
      ({ batches }) => {
        const batch = batches.list.find((each) => each.id === id);
        return (
          batch !== undefined &&
          (batch.completed >= (lines ?? Number.POSITIVE_INFINITY) || batch.status === 'completed')
        );
      },
      { timeoutMs: 120_000 },
    );
    const batch = forceUnwrap(
      'the batch is listed',
      state.batches.list.find((each) => each.id === id),
    );
    return { status: batch.status, done: batch.completed };
  },
  async results(id) {
    const batch = (await (await gateway(`/batches/${id}`)).json()) as { output_file_id: string };
    const text = await (await gateway(`/files/${batch.output_file_id}/content`)).text();
    const lines = text.split('\n').filter(Boolean);
    const { jobs } = await runningApi().jobs.list({ side: 'bought', outcome: 'served', limit: 100 });
    const counts: Record<string, number> = {};
    for (const { peer, charged } of jobs) {
      if (charged !== '0') throw new Error(`a job was charged: ${charged}`);
      counts[peer] = (counts[peer] ?? 0) + 1;
    }
    return { ids: lines.map((line) => (JSON.parse(line) as { custom_id: string }).custom_id), jobs: counts };
  },
  async order(peer, order) {
    return (await runningApi().machines.order({ peer, order })).failed;
  },
  async setForAll(comfort) {
    await runningApi().settings.change({ comfort });
    await runningApi().machines.share({ group: 'intensity', isShared: true });
  },
  async follows(comfort) {
    await waitForState(runningApi(), ({ settings }) => settings.comfort === comfort, { timeoutMs: 30_000 });
    const other = comfort === 5 ? 4 : 5;
    return runningApi()
      .settings.change({ comfort: other })
      .then(
        () => null,
        (error: { code?: string }) => error.code ?? String(error),
      );
  },
  async metrics() {
    return (await fetch(forceUnwrap('metrics were asked for', agent?.ready.metrics))).text();
  },
  async kill() {
    const child = forceUnwrap('the agent runs', agent).process;
    child.kill('SIGKILL');
    await once(child, 'exit');
    agent = null;
  },
  async knock(address, networkKey) {
    const network = await createNetwork({
      ...{ folder: null, clock: systemClock, mdns: false },
      ...(networkKey !== null && { networkKey }),
    });
    await network.start();
    try {
      await network.connect(address);
      return null;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    } finally {
      await network.stop();
    }
  },
};

answerCalls<OfficeCalls>(calls, async () => {
  await agent?.stop();
  home.remove();
});

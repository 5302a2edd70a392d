/** Starts the real agent as people do and speaks its API: what the demo, the benchmarks and the tests share. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket } from 'ws';
import type { Contract } from '../shared/api/contract.ts';
import type { AgentState } from '../shared/api/state.ts';
import { applyUpdate } from '../shared/api/state-updates.ts';
import { type AgentReady, parseReadyLine } from '../shared/host.ts';
import { API_SOCKET_PATH, socketProtocols } from '../shared/wire.ts';
import { cacheFolder, REPOSITORY } from './places.ts';

export type AgentApi = ContractRouterClient<Contract>;

export interface RunningAgent {
  readonly process: ChildProcess;
  readonly ready: AgentReady;
  /** What it wrote to standard error so far. */
  readonly stderr: () => string;
  /** SIGTERM, then waits for the exit code; null when a signal ended it. */
  stop(): Promise<number | null>;
}

/** Resolves when READY is printed; rejects with what the agent said when it ends before. */
export async function startAgent(
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    onStderr?: (line: string) => void;
    onStdout?: (line: string) => void;
  } = {},
): Promise<RunningAgent> {
  const child = spawn(process.execPath, [join(REPOSITORY, 'main/agent-main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { IDLEWATT_MODEL_CACHE: join(cacheFolder(), 'models'), ...process.env, ...options.env },
  });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    options.onStderr?.(line);
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = await new Promise<AgentReady>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      options.onStdout?.(line);
      const ready = parseReadyLine(line);
      if (ready) resolve(ready);
    });
    child.once('error', reject);
    void exited.then((code) =>
      reject(new Error(`the agent ended with ${code} before it was ready:\n${errors.join('\n')}`)),
    );
  });
  return {
    process: child,
    ready,
    stderr: () => errors.join('\n'),
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** The API as a page sees it; `onFrame` gets each message that comes in. */
export async function connectApi(
  page: { url: string; token: string },
  onFrame?: (frame: Buffer) => void,
): Promise<{ api: AgentApi; close(): void }> {
  const { host } = new URL(page.url);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, socketProtocols(page.token), {
    origin: `http://${host}`,
  });
  if (onFrame) socket.on('message', (data) => onFrame(Buffer.from(data as Buffer)));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  // The link wants a browser's WebSocket; ws has the part of it that the link uses.
  const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
  return { api: createORPCClient(link), close: () => socket.close() };
}

/** The first state for which the condition holds; every state on the way is passed to `onState`. */
export async function waitForState(
  api: AgentApi,
  condition: (state: AgentState) => boolean,
  options: { timeoutMs: number; onState?: (state: AgentState) => void },
): Promise<AgentState> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  let state: AgentState | null = null;
  for await (const update of await api.state.watch(undefined, { signal })) {
    state = applyUpdate(state, update);
    if (state === null) continue;
    options.onState?.(state);
    if (condition(state)) return state;
  }
  throw new Error('the agent stopped before the awaited state came');
}

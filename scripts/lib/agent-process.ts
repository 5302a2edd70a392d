/** Starts the real agent as a user does and connects to its API. Shared by the demo, the benchmarks and the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket } from 'ws';
import { MEMORY_ENVIRONMENT, MEMORY_FLAGS } from '../../main/ports/process-flags.ts';
import type { Contract } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { applyUpdate } from '../../shared/api/state-updates.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { type AgentReady, parseReadyLine } from '../../shared/host.ts';
import { API_SOCKET_PATH, socketProtocols } from '../../shared/wire.ts';
import { AGENT_PROGRAM, cacheFolder } from './places.ts';

export type AgentApi = ContractRouterClient<Contract>;

export interface RunningAgent {
  readonly process: ChildProcess;
  readonly ready: AgentReady;
  /** Returns everything the process has written to standard error so far. */
  readonly stderr: () => string;
  /** Sends SIGTERM and waits for the exit code; null if a signal ended the process. */
  stop(): Promise<number | null>;
}

/** Resolves when the agent prints READY. Rejects with its standard error if it exits before that. */
export async function startAgent(
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    onStderr?: (line: string) => void;
    onStdout?: (line: string) => void;
    /** Program and arguments that replace themselves with the command that follows them, for example `nice`. */
    under?: readonly string[];
  } = {},
): Promise<RunningAgent> {
  const command = [...(options.under ?? []), process.execPath, ...MEMORY_FLAGS, AGENT_PROGRAM, ...args];
  const child = spawn(forceUnwrap('a command has a program', command[0]), command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...MEMORY_ENVIRONMENT,
      IDLEWATT_MODEL_CACHE: join(cacheFolder(), 'models'),
      ...process.env,
      ...options.env,
    },
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
      reject(new Error(`The agent exited with code ${code} before it was ready:\n${errors.join('\n')}`)),
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

/** Connects to the API as a page does; `onFrame` receives each incoming message. */
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
  // The link is typed for a browser's WebSocket; ws implements the part of it that the link uses.
  const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
  return { api: createORPCClient(link), close: () => socket.close() };
}

/** Returns the first state that meets the condition; passes every state up to it to `onState`. */
export async function waitForState(
  api: AgentApi,
  condition: (state: AgentState) => boolean,
  options: { timeoutMs: number; onState?: (state: AgentState) => void },
): Promise<AgentState> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  let state: AgentState | null = null;
  try {
    for await (const update of await api.state.watch(undefined, { signal })) {
      state = applyUpdate(state, update);
      if (state === null) continue;
      options.onState?.(state);
      if (condition(state)) return state;
    }
  } catch (cause) {
    throw signal.aborted
      ? new Error(`The expected state did not come in time. ${summary(state)}`, { cause })
      : cause;
  }
  throw new Error(`The agent stopped before it reached the expected state. ${summary(state)}`);
}

/** The part of a state that tells why something is not ready. */
function summary(state: AgentState | null): string {
  if (state === null) return 'No state was received.';
  const { engine, presence } = state.work;
  const notices = state.app.notices.map(({ code }) => code);
  return `The last one: ${JSON.stringify({ engine, presence, notices })}`;
}

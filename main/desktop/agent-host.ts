/**
 * One running agent, in either host: Electron's utility process where Electron's Node can run the agent, else a child
 * process of the pinned Node. The rest of the shell treats both alike.
 */
import type { MessagePortMain } from 'electron';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AgentReady, PortRole } from '../../shared/host.ts';
import { hostInChildProcess } from './agent-host-child.ts';
import { hostInUtilityProcess } from './agent-host-utility.ts';

export type AgentStart =
  | { readonly ready: AgentReady }
  /** For the owner. Starting it again would not help. */
  | { readonly refused: string; readonly code: ErrorCode | null }
  | { readonly ended: true };

export interface AgentHost {
  readonly pid: number | undefined;
  /** Resolves once: ready, refused with a reason, or ended without one. */
  readonly started: Promise<AgentStart>;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<{ code: number | null }>;
  /** A port to the agent's API. Call after `started`; the caller owns it, or passes it on to a page. */
  connect(role: PortRole): MessagePortMain;
  /** Requests it to stop and kills it after the limit. Resolves when it has ended. */
  stop(killAfterMs: number): Promise<void>;
}

export interface AgentHostOptions {
  /** Folder of `package.json`. */
  readonly appFolder: string;
  /** Command line of the agent, without `--host`. */
  readonly parameters: readonly string[];
  /** The wallet's, sent to the agent's process only; null where the agent finds it itself. */
  readonly passphrase: string | null;
  /** Receives the agent's standard error. */
  readonly onStderr: (stream: NodeJS.ReadableStream) => void;
}

/** The agent's JavaScript needs this Node or a later one. */
const NODE_MAJOR_MIN = 22;

export function startAgentHost(options: AgentHostOptions): AgentHost {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= NODE_MAJOR_MIN ? hostInUtilityProcess(options) : hostInChildProcess(options);
}

/** An agent that was never started, for a reason that the shell found. */
export function refusedHost(refused: string, code: ErrorCode | null): AgentHost {
  return {
    pid: undefined,
    started: Promise.resolve({ refused, code }),
    exited: Promise.resolve({ code: null }),
    connect() {
      throw new Error('assertion failed: an agent that was never started is never ready');
    },
    stop: () => Promise.resolve(),
  };
}

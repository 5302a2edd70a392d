/**
 * One running agent, in either host: Electron's utility process where Electron's Node can run the agent, else a child
 * process of the pinned Node. The rest of the shell treats both alike.
 */
import type { MessagePortMain } from 'electron';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AgentReady, PortRole } from '../../shared/host.ts';
import type { StartupStep } from '../../shared/startup.ts';
import { runsInOwnNode } from './agent-entry.ts';
import { hostInChildProcess } from './agent-host-child.ts';
import { hostInUtilityProcess } from './agent-host-utility.ts';
import { causeOf } from './start-failure.ts';

export type AgentStart = { readonly ready: AgentReady } | { readonly ended: true };

/** The reason of an agent that ended because it can't run, for the owner. Starting it again would not help. */
export interface AgentRefusal {
  readonly message: string;
  readonly code: ErrorCode | null;
}

/** The end of the agent's process. */
export interface AgentEnd {
  /** Null if it was killed or never started. */
  readonly code: number | null;
  /** Null if it ended without a reason. */
  readonly refusal: AgentRefusal | null;
}

export interface AgentHost {
  readonly pid: number | undefined;
  /** Resolves once: its API answers, or it ended before that. */
  readonly started: Promise<AgentStart>;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<AgentEnd>;
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
  /** A step of its start begins. */
  readonly onStep: (step: StartupStep) => void;
  /** Receives the agent's standard error. */
  readonly onStderr: (stream: NodeJS.ReadableStream) => void;
}

/** `cannotStart` is the refusal of an agent whose process could not be started, from the system's error. */
export function startAgentHost(
  options: AgentHostOptions,
  cannotStart: (cause: string) => AgentRefusal,
): AgentHost {
  try {
    return runsInOwnNode() ? hostInUtilityProcess(options) : hostInChildProcess(options, cannotStart);
  } catch (error) {
    return refusedHost(cannotStart(causeOf(error)));
  }
}

/** An agent that was never started, for a reason that the shell found. */
export function refusedHost(refusal: AgentRefusal): AgentHost {
  return {
    pid: undefined,
    started: Promise.resolve({ ended: true }),
    exited: Promise.resolve({ code: null, refusal }),
    connect() {
      throw new Error('assertion failed: an agent that was never started is never ready');
    },
    stop: () => Promise.resolve(),
  };
}

/**
 * The agent that belongs to this shell: starts and supervises it, links the shell to each one that comes up, and
 * reports when it is given up.
 */
import type { MessagePortMain } from 'electron';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import type { AgentHost } from './agent-host.ts';
import { type AgentSupervisor, superviseAgent } from './agent-supervisor.ts';
import type { ShellLink } from './shell-link.ts';

/** The reason that there is no agent and that none is started unless the owner decides so. */
export interface AgentFailure {
  /** For the owner, in one or more sentences; null when it ended unexpectedly too often. */
  readonly reason: string | null;
  readonly code: ErrorCode | null;
  /** True if an agent was up since {@link AgentSession.start}. */
  readonly hasRun: boolean;
}

export interface AgentSessionOptions {
  readonly startHost: () => AgentHost;
  readonly openLink: (port: MessagePortMain) => ShellLink;
  readonly onReady: (ready: AgentReady) => void;
  /** No agent responds, and one is being started; `again` if it replaces one that was up. */
  readonly onStarting: (again: boolean) => void;
  readonly onGivenUp: (failure: AgentFailure) => void;
}

export class AgentSession {
  readonly #options: AgentSessionOptions;
  #supervisor: AgentSupervisor | null = null;
  #link: ShellLink | null = null;
  #hasRun = false;
  #stopped = false;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
  }

  /** The shell's connection to the agent that runs now. */
  get link(): ShellLink | null {
    return this.#link;
  }

  get pid(): number | undefined {
    return this.#supervisor?.pid();
  }

  /** Starts an agent, for the first time or after one was given up; `after` delays it. */
  start(after?: Promise<unknown>): void {
    if (this.#stopped) return;
    this.#hasRun = false;
    this.#options.onStarting(false);
    this.#supervisor = superviseAgent({
      start: this.#options.startHost,
      ...(after && { after }),
      onReady: (ready) => {
        this.#hasRun = true;
        this.#options.onReady(ready);
        void this.#connect();
      },
      onLost: () => {
        this.#unlink();
        if (!this.#stopped) this.#options.onStarting(true);
      },
      onGivenUp: (refusal) =>
        this.#options.onGivenUp({
          reason: refusal?.message ?? null,
          code: refusal?.code ?? null,
          hasRun: this.#hasRun,
        }),
    });
  }

  async restart(): Promise<void> {
    this.#unlink();
    this.#options.onStarting(true);
    await this.#supervisor?.stop();
    this.start();
  }

  /** Stops the agent for good. Resolves when its process has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlink();
    await this.#supervisor?.stop();
  }

  /** A port for a page, as soon as an agent is up; null when there is none and none is being started. */
  async connectPage(): Promise<MessagePortMain | null> {
    return (await this.#supervisor?.connect('page')) ?? null;
  }

  async #connect(): Promise<void> {
    const port = await this.#supervisor?.connect('shell');
    if (port) this.#link = this.#options.openLink(port);
  }

  #unlink(): void {
    this.#link?.close();
    this.#link = null;
  }
}

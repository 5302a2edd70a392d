/** Keeps one agent running: starts it, restarts it when it ends unexpectedly, and gives up after several failures. */
import type { MessagePortMain } from 'electron';
import type { AgentReady, PortRole } from '../../shared/host.ts';
import { createRestartPolicy } from '../../shared/restart-policy.ts';
import type { AgentHost, AgentRefusal } from './agent-host.ts';

export interface AgentSupervisor {
  /** Process ID of the agent that runs now. */
  pid(): number | undefined;
  /** A port to the agent as soon as one is ready; null when it was given up or is being stopped. */
  connect(role: PortRole): Promise<MessagePortMain | null>;
  /** Stops the agent for good. Resolves when its process has ended. */
  stop(): Promise<void>;
}

export interface AgentSupervisorOptions {
  readonly start: () => AgentHost;
  /** The first start waits for this. */
  readonly after?: Promise<unknown>;
  /** Called for each agent that becomes ready, including after a restart. */
  readonly onReady: (ready: AgentReady) => void;
  readonly onLost: () => void;
  /** It can't run, with its reason for the owner, or it ended unexpectedly too often: then null. */
  readonly onGivenUp: (refusal: AgentRefusal | null) => void;
}

/** The agent stops within five seconds; a process that is left after this long is killed. */
const STOP_MS_MAX = 4_800;

export function superviseAgent(options: AgentSupervisorOptions): AgentSupervisor {
  const policy = createRestartPolicy();
  let host: AgentHost | null = null;
  let ready = false;
  let over = false;
  let waiting: ((host: AgentHost | null) => void)[] = [];
  let timer: NodeJS.Timeout | undefined;

  const answerWaiting = (answer: AgentHost | null) => {
    const all = waiting;
    waiting = [];
    for (const tell of all) tell(answer);
  };
  const giveUp = (refusal: AgentRefusal | null) => {
    over = true;
    answerWaiting(null);
    options.onGivenUp(refusal);
  };

  const run = async () => {
    if (over) return;
    const startedAtMs = performance.now();
    const current = options.start();
    host = current;
    const started = await current.started;
    if ('ready' in started && !over) {
      ready = true;
      options.onReady(started.ready);
      answerWaiting(current);
    }
    const { refusal } = await current.exited;
    host = null;
    if (ready) options.onLost();
    ready = false;
    if (over) return;
    if (refusal !== null) return giveUp(refusal);
    const waitMs = policy.next(performance.now() - startedAtMs);
    if (waitMs !== null) timer = setTimeout(() => void run(), waitMs);
    else giveUp(null);
  };
  if (options.after === undefined) void run();
  else void options.after.then(run);

  return {
    pid: () => host?.pid,
    async connect(role) {
      if (over) return null;
      if (host && ready) return host.connect(role);
      const next = await new Promise<AgentHost | null>((resolve) => waiting.push(resolve));
      return next?.connect(role) ?? null;
    },
    async stop() {
      over = true;
      clearTimeout(timer);
      answerWaiting(null);
      await host?.stop(STOP_MS_MAX);
    },
  };
}

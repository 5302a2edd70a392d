/** Keeps one agent running: starts it, restarts it when it ends by itself, gives up after a while and says so. */
import type { MessagePortMain } from 'electron';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AgentReady, PortRole } from '../../shared/host.ts';
import type { AgentHost } from './agent-host.ts';
import { createRestartPolicy } from './restart-policy.ts';

export interface AgentSupervisor {
  /** Process id of the agent that runs now. */
  pid(): number | undefined;
  /** A port to the agent, as soon as one is ready; null when it has been given up or is being stopped. */
  connect(role: PortRole): Promise<MessagePortMain | null>;
  /** Ends the agent for good. Resolves when its process has ended. */
  stop(): Promise<void>;
}

export interface AgentSupervisorOptions {
  readonly start: () => AgentHost;
  /** Called for each agent that got ready, also after a restart. */
  readonly onReady: (ready: AgentReady) => void;
  readonly onLost: () => void;
  /** It refused to start, or it ended too often: one sentence for people. */
  readonly onGivenUp: (sentence: string, code: ErrorCode | null) => void;
}

/** The agent promises to end within five seconds; what is left after that is killed. */
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
  const giveUp = (sentence: string, code: ErrorCode | null) => {
    over = true;
    answerWaiting(null);
    options.onGivenUp(sentence, code);
  };

  const run = async () => {
    const startedAtMs = performance.now();
    const current = options.start();
    host = current;
    const started = await current.started;
    if ('ready' in started && !over) {
      ready = true;
      options.onReady(started.ready);
      answerWaiting(current);
    }
    await current.exited;
    host = null;
    if (ready) options.onLost();
    ready = false;
    if (over) return;
    if ('refused' in started) return giveUp(started.refused, started.code);
    const waitMs = policy.next(performance.now() - startedAtMs);
    if (waitMs !== null) timer = setTimeout(() => void run(), waitMs);
    else giveUp('The agent ended unexpectedly several times.', null);
  };
  void run();

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

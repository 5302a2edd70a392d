/** One run after the other of the practice network's agent: started, killed and started again. */
import { practiceNetwork } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode } from '../../main/adapters/ethers/index.ts';
import { type AgentApi, connectApi, type RunningAgent, startAgent } from '../../scripts/lib/agent-process.ts';
import { descendants } from '../agent/practice-agent.ts';
import { pause } from './pause.ts';
import type { Target } from './plan.ts';

const START_ATTEMPTS = 4;
const START_RETRY_MS = 1_000;
const ENDED_MS_MAX = 20_000;
const ENDED_CHECK_MS = 50;

/** A running agent, with connections to its API and its chain. */
export interface Life {
  readonly agent: RunningAgent;
  readonly api: AgentApi;
  readonly chain: ChainNode;
  close(): void;
}

export class AgentLife {
  readonly #home: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #onStderr: (line: string) => void;
  #life: Life | null = null;
  #starts = 0;

  constructor(home: string, environment: Readonly<Record<string, string>>, onStderr: (line: string) => void) {
    this.#home = home;
    this.#environment = environment;
    this.#onStderr = onStderr;
  }

  /** Number of starts so far, including attempts. */
  get starts(): number {
    return this.#starts;
  }

  now(): Life {
    if (this.#life === null) throw new Error('the practice network is not running');
    return this.#life;
  }

  isAlive(): boolean {
    return this.#life !== null && isRunning(this.#life.agent);
  }

  /** Closes the connections to an earlier run and starts a new one. */
  async begin(): Promise<void> {
    this.#life?.close();
    this.#life = await this.#start();
  }

  /**
   * Starts a new run after the processes of the last one have ended. Returns null, or what a start that was refused
   * printed.
   */
  async tryBegin(): Promise<string | null> {
    this.#life?.close();
    await this.allEnded();
    try {
      this.#starts += 1;
      this.#life = await connectLife(await this.#startAgent());
      return null;
    } catch (error) {
      return String(error);
    }
  }

  /** Resolves when no agent uses the data folder any more. */
  async allEnded(): Promise<void> {
    const isUsed = () => descendants(1, `--home ${this.#home}`).length > 0;
    for (const deadline = performance.now() + ENDED_MS_MAX; isUsed(); await pause(ENDED_CHECK_MS)) {
      if (performance.now() > deadline) throw new Error('a killed agent keeps running');
    }
  }

  /** Stops the agent if it still runs, and starts a new one. */
  async restart(): Promise<void> {
    this.#life?.close();
    await this.#life?.agent.stop();
    this.#life = await this.#start();
  }

  /** Sends SIGKILL to the processes of the target. Resolves when an agent among them has ended. */
  async kill(target: Target): Promise<void> {
    const { agent } = this.now();
    this.signal(target, 'SIGKILL');
    if (target === 'agent' || target === 'machine') await ended(agent);
  }

  /** Sends a signal to the processes of the target and returns those that got it; none while nothing runs. */
  signal(target: Target, signal: NodeJS.Signals): readonly number[] {
    if (!this.isAlive()) return [];
    return sendSignal(pidsOf(this.now().agent, target), signal);
  }

  /** Kills the target, starts the agent again and kills it after `delayMs`, during its recovery. */
  async killWhileStarting(delayMs: number, target: Target): Promise<void> {
    await this.kill(target);
    this.#life?.close();
    this.#starts += 1;
    const starting = this.#startAgent();
    // A start that the kill interrupts rejects; one that was faster has to end.
    const started = starting.then(
      (agent) => agent,
      () => null,
    );
    await pause(delayMs);
    // The agent has no children that matter yet, or they end with it.
    for (const pid of descendants(process.pid, `agent-main.js --headless --home ${this.#home} `)) {
      process.kill(pid, 'SIGKILL');
    }
    const late = await started;
    if (late !== null) await ended(late);
  }

  /** Ends cleanly; returns the exit code, or null when the agent was dead already. */
  async stop(): Promise<number | null> {
    this.#life?.close();
    const code = this.isAlive() ? await this.now().agent.stop() : null;
    this.#life = null;
    return code;
  }

  async #start(): Promise<Life> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#starts += 1;
        return await connectLife(await this.#startAgent());
      } catch (error) {
        if (attempt >= START_ATTEMPTS) throw error;
        await pause(START_RETRY_MS);
      }
    }
  }

  #startAgent(): Promise<RunningAgent> {
    return startAgent(['--headless', '--home', this.#home, '--quiet-requester'], {
      onStderr: this.#onStderr,
      env: this.#environment,
    });
  }
}

async function connectLife(agent: RunningAgent): Promise<Life> {
  const { page, chain } = agent.ready;
  if (page === null || chain === null) throw new Error('the practice agent has a page and a chain');
  const { api, close } = await connectApi(page);
  const node = connectNode(practiceNetwork(chain.rpcUrl));
  return {
    agent,
    api,
    chain: node,
    close() {
      close();
      node.close();
    },
  };
}

/** Returns the processes that still exist and got it. */
export function sendSignal(pids: readonly number[], signal: NodeJS.Signals): readonly number[] {
  return pids.filter((pid) => {
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  });
}

function pidsOf(agent: RunningAgent, target: Target): number[] {
  const pid = agent.process.pid ?? 0;
  const below = (text: string) => descendants(pid, text);
  switch (target) {
    case 'agent':
      return [pid];
    case 'requester':
      return below('practice-requester');
    case 'engine':
      return below('engine-process');
    case 'chain':
      return below('anvil --host');
    case 'machine':
      return [pid, ...below('')];
  }
}

function isRunning({ process }: RunningAgent): boolean {
  return process.exitCode === null && process.signalCode === null;
}

async function ended(agent: RunningAgent): Promise<void> {
  if (!isRunning(agent)) return;
  await new Promise((resolve) => agent.process.once('exit', resolve));
}

/**
 * Runs the practice network's second agent: another process of the same program, which gets two addresses and
 * nothing else. Restarts it with capped backoff when it ends.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError } from '../../shared/errors.ts';
import {
  type AgentReady,
  fromAgentSchema,
  type PracticeProvider,
  parseReadyLine,
  type ToAgent,
} from '../../shared/host.ts';
import { logChildOutput } from '../adapters/node/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log, LogThreshold } from '../ports/log.ts';
import { noDebuggerFlags } from '../ports/no-debugger.ts';
import { MEMORY_ENVIRONMENT, MEMORY_FLAGS } from '../ports/process-flags.ts';

export interface PracticeRequesterOptions {
  /** Entry file of the agent, this program's own. */
  readonly entry: string;
  readonly home: string;
  /** The requester loads its code meanwhile. */
  readonly provider: Promise<PracticeProvider>;
  /** Sends no requests of its own: only its gateway is needed. */
  readonly quiet: boolean;
  readonly logLevel: LogThreshold;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when it ended and will not be restarted. */
  readonly onGaveUp: (cause: string) => void;
}

export interface PracticeRequester {
  /** Null while it is starting. */
  ready(): AgentReady | null;
  /** Resolves with the first READY; rejects when it gave up before that. */
  readonly started: Promise<AgentReady>;
  stop(): Promise<void>;
}

const RESTARTS_MAX = 5;
const RESTART_MS_MIN = 1_000;
/** After this time without a failure, earlier ones are forgotten: only failures in a row count. */
const STEADY_MS = 60_000;
const STOP_MS_MAX = 2_500;

export function startPracticeRequester(options: PracticeRequesterOptions): PracticeRequester {
  return new RequesterProcess(options);
}

class RequesterProcess implements PracticeRequester {
  readonly #options: PracticeRequesterOptions;
  readonly #started = Promise.withResolvers<AgentReady>();
  #child: ChildProcess | null = null;
  #ready: AgentReady | null = null;
  #isStopping = false;
  #hasStarted = false;
  #restarts = 0;
  #readySinceMs: number | null = null;
  /** A restart keeps the port: clients use its address. */
  #gatewayPort = 0;

  constructor(options: PracticeRequesterOptions) {
    this.#options = options;
    // Prevents an unhandled rejection when nobody awaits `started`: `onGaveUp` reports the same.
    this.#started.promise.catch(() => undefined);
    this.#start();
  }

  get started(): Promise<AgentReady> {
    return this.#started.promise;
  }

  ready(): AgentReady | null {
    return this.#ready;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      child.on('message', (message) => this.#received(message));
      child.once('exit', () => {
        clearTimeout(kill);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }

  #start(): void {
    const { entry, home, provider, quiet, logLevel, log } = this.#options;
    const child = fork(
      entry,
      [
        ...['--practice-requester', '--profile', 'practice', '--home', home],
        ...['--gateway-port', String(this.#gatewayPort)],
        ...(quiet ? ['--quiet-requester'] : []),
        ...['--log-level', logLevel],
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        execArgv: [...noDebuggerFlags(), ...MEMORY_FLAGS],
        env: { ...MEMORY_ENVIRONMENT, ...process.env },
      },
    );
    this.#child = child;
    void provider.then(({ connect, rpcUrl }) => {
      // A child that has ended is restarted or given up.
      if (child.connected) child.send({ type: 'provider', connect, rpcUrl } satisfies ToAgent);
    });
    if (child.stderr) logChildOutput({ stream: child.stderr, log });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const ready = parseReadyLine(line);
        if (ready !== null) this.#becomeReady(ready);
      });
    }
    child.on('message', (message) => this.#received(message));
    child.once('exit', (code, signal) => this.#ended(`it ended with ${signal ?? code}`));
  }

  /** A child that refuses its first start, for example because its port is in use, would refuse the next one too. */
  #received(raw: unknown): void {
    const message = fromAgentSchema.parse(raw);
    if (message.type !== 'failed' || message.code === null || this.#hasStarted) return;
    this.#isStopping = true;
    this.#started.reject(new AppError(message.code, message.message));
  }

  #becomeReady(ready: AgentReady): void {
    this.#hasStarted = true;
    this.#ready = ready;
    if (ready.gateway) this.#gatewayPort = Number(new URL(ready.gateway.baseUrl).port);
    this.#readySinceMs = this.#options.clock.monotonic();
    this.#started.resolve(ready);
  }

  #ended(cause: string): void {
    const { clock, log, onGaveUp } = this.#options;
    this.#ready = null;
    if (this.#isStopping) return;
    if (this.#readySinceMs !== null && clock.monotonic() - this.#readySinceMs >= STEADY_MS) {
      this.#restarts = 0;
    }
    this.#readySinceMs = null;
    if (this.#restarts >= RESTARTS_MAX) {
      log.warn('The practice requester stopped too often and will not restart', { cause });
      onGaveUp(cause);
      this.#started.reject(new Error(`The practice requester could not start: ${cause}.`));
      return;
    }
    const inMs = RESTART_MS_MIN * 2 ** this.#restarts;
    log.warn('The practice requester stopped and will restart', { cause, inMs });
    clock.after(inMs, () => {
      if (!this.#isStopping) this.#start();
    });
    this.#restarts += 1;
  }
}

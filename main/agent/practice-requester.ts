/**
 * Runs the practice network's second agent: another process of the same program, told two addresses and
 * nothing else. Started anew when it dies, with capped backoff.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError } from '../../shared/errors.ts';
import { type AgentReady, fromAgentSchema, parseReadyLine } from '../../shared/host.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogThreshold } from '../ports/log.ts';

export interface PracticeRequesterOptions {
  /** The agent's entry, this program's own. */
  readonly entry: string;
  readonly home: string;
  readonly connect: string;
  readonly rpcUrl: string;
  readonly gatewayPort: number;
  /** Ask nothing: only the gateway is wanted. */
  readonly quiet: boolean;
  readonly logLevel: LogThreshold;
  readonly clock: Clock;
  /** Called when it ended and will not be started again. */
  readonly onGaveUp: (cause: string) => void;
}

export interface PracticeRequester {
  /** Null while it is starting. */
  ready(): AgentReady | null;
  /** Resolves with the first READY; rejects when it gave up before. */
  readonly started: Promise<AgentReady>;
  stop(): Promise<void>;
}

const RESTARTS_MAX = 5;
const RESTART_MS_MIN = 1_000;
/** Up for this long, it counts as well again: only failures in a row are counted. */
const STEADY_MS = 60_000;
const STOP_MS_MAX = 2_500;

export function startPracticeRequester(options: PracticeRequesterOptions): PracticeRequester {
  const started = Promise.withResolvers<AgentReady>();
  // Whoever waits sees the rejection; when nobody does, `onGaveUp` has said it.
  started.promise.catch(() => undefined);
  let child: ChildProcess | null = null;
  let ready: AgentReady | null = null;
  let stopping = false;
  let hasStarted = false;
  let restarts = 0;
  let readySinceMs: number | null = null;
  let { gatewayPort } = options;

  const start = () => {
    const process = fork(
      options.entry,
      [
        ...['--role', 'practice-requester', '--profile', 'practice', '--home', options.home],
        ...['--connect', options.connect, '--rpc', options.rpcUrl],
        // Clients were told an address: a restart keeps it.
        ...['--gateway-port', String(gatewayPort)],
        ...(options.quiet ? ['--quiet-requester'] : []),
        ...['--log-level', options.logLevel],
      ],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );
    child = process;
    if (process.stdout) {
      createInterface({ input: process.stdout }).on('line', (line) => {
        const announced = parseReadyLine(line);
        if (announced === null) return;
        ready = announced;
        if (ready.gateway) gatewayPort = Number(new URL(ready.gateway.baseUrl).port);
        readySinceMs = options.clock.monotonic();
        hasStarted = true;
        started.resolve(ready);
      });
    }
    // A child that refuses its first start (its port is in use) would refuse the next one too.
    process.on('message', (raw) => {
      const message = fromAgentSchema.parse(raw);
      if (message.type !== 'failed' || message.code === null || hasStarted) return;
      stopping = true;
      started.reject(new AppError(message.code, message.message));
    });
    process.once('exit', (code, signal) => {
      ready = null;
      if (stopping) return;
      if (readySinceMs !== null && options.clock.monotonic() - readySinceMs >= STEADY_MS) restarts = 0;
      readySinceMs = null;
      const cause = `it ended with ${signal ?? code}`;
      if (restarts >= RESTARTS_MAX) {
        options.onGaveUp(cause);
        started.reject(new Error(`the practice requester did not start: ${cause}`));
        return;
      }
      options.clock.after(RESTART_MS_MIN * 2 ** restarts, () => {
        if (!stopping) start();
      });
      restarts += 1;
    });
  };
  start();

  return {
    ready: () => ready,
    started: started.promise,
    async stop() {
      stopping = true;
      const running = child;
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      await new Promise<void>((resolve) => {
        const kill = setTimeout(() => running.kill('SIGKILL'), STOP_MS_MAX);
        running.once('exit', () => {
          clearTimeout(kill);
          resolve();
        });
        running.kill('SIGTERM');
      });
    },
  };
}

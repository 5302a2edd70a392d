/** Connection to the current engine process: starts it, validates its messages and reports its end. */
import {
  type EngineCommand,
  type EngineProcess,
  type EngineReport,
  engineReportSchema,
  type SpawnEngine,
} from '../../ports/engine-process.ts';

export interface EngineLinkOptions {
  readonly spawn: SpawnEngine;
  readonly onReport: (report: EngineReport, from: EngineProcess) => void;
  /** Called once the process is gone, with the cause as a short phrase. */
  readonly onEnd: (cause: string) => void;
}

export class EngineLink {
  readonly #options: EngineLinkOptions;
  #process: EngineProcess | null = null;
  #dutyPercent = 100;
  #threadsMax: number | null = null;

  constructor(options: EngineLinkOptions) {
    this.#options = options;
  }

  /** The running process; null when there is none. */
  get process(): EngineProcess | null {
    return this.#process;
  }

  /** Returns the running process, or starts one with the current duty and threads. Fails as `spawn` does. */
  start(): EngineProcess {
    if (this.#process) return this.#process;
    const started = this.#options.spawn();
    this.#process = started;
    if (this.#dutyPercent !== 100) started.send({ type: 'duty', percent: this.#dutyPercent });
    if (this.#threadsMax !== null) started.send({ type: 'threads', max: this.#threadsMax });
    started.onMessage((message) => {
      if (this.#process === started) this.#receive(started, message);
    });
    started.onExit((cause) => {
      if (this.#process !== started) return;
      this.#process = null;
      this.#options.onEnd(cause);
    });
    return started;
  }

  /** Kills a process that could not be started properly, without a call of `onEnd`. */
  drop(): void {
    const dropped = this.#process;
    this.#process = null;
    dropped?.kill();
  }

  /** Dropped when no process is running. */
  send(command: EngineCommand): void {
    this.#process?.send(command);
  }

  /** Applies to the running process and to every later one. */
  setDuty(percent: number): void {
    if (percent === this.#dutyPercent) return;
    this.#dutyPercent = percent;
    this.send({ type: 'duty', percent });
  }

  /** Applies to the running process and to every later one. */
  setThreadsMax(max: number | null): void {
    if (max === this.#threadsMax) return;
    this.#threadsMax = max;
    this.send({ type: 'threads', max });
  }

  #receive(from: EngineProcess, message: unknown): void {
    const parsed = engineReportSchema.safeParse(message);
    if (parsed.success) this.#options.onReport(parsed.data, from);
    // A process that violates the protocol is broken: its end is handled like any crash.
    else from.kill();
  }
}

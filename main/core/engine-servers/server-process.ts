/**
 * Drives an engine server like an engine process: it takes the supervisor's commands and reports like one, so that queue,
 * restarts, hand-back and limits are the same for both. It "exits" when the server can't be reached or answers wrongly;
 * the supervisor then tries again, with growing delays.
 */
import { assertNever } from '../../../shared/assert.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { SANDBOX_PARTS, type SandboxReport } from '../../../shared/sandbox.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { GenerateRequest } from '../../ports/engine.ts';
import type {
  EngineCommand,
  EngineFailure,
  EngineProcess,
  EngineReport,
} from '../../ports/engine-process.ts';
import type { EngineServerConnection } from '../../ports/engine-server.ts';
import type { Log } from '../../ports/log.ts';
import { type AnsweringModel, answerAt } from './answer.ts';
import { startDeadline } from './deadline.ts';
import { identify } from './identify.ts';
import {
  CONTEXT_TOKENS_ASSUMED,
  CONTEXT_TOKENS_MAX,
  HEALTH_EVERY_MS,
  LOAD_MS_MAX,
  RELEASE_MS_MAX,
  REST_MS_MAX,
} from './limits.ts';
import { readFacts } from './read-json.ts';
import { type Trial, tryModel } from './trial.ts';

/** A model that the owner chose, and the server that has it. */
export interface ServedModel {
  readonly id: string;
  /** The server's name of it. */
  readonly name: string;
  connect(): EngineServerConnection;
  /** Called with what a trial has shown. */
  onTried(trial: Trial): void;
  /** Called with the reason why it can't be served now, as one sentence. */
  onProblem(problem: string): void;
}

export interface ServerProcessOptions {
  /** Returns null for a model of a server that was removed. */
  readonly find: (id: string) => ServedModel | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Trials by identity of the model; kept over restarts, since each costs computing time. */
  readonly trials: Map<string, Trial>;
}

interface Loaded {
  readonly served: ServedModel;
  readonly connection: EngineServerConnection;
  readonly model: AnsweringModel;
}

const SANDBOX: SandboxReport = Object.fromEntries(
  SANDBOX_PARTS.map((part) => [part, 'foreign'] as const),
) as SandboxReport;

export class ServerProcess implements EngineProcess {
  readonly pid = null;
  readonly #options: ServerProcessOptions;
  #report: (report: EngineReport) => void = () => undefined;
  #exited: (cause: string) => void = () => undefined;
  #loaded: Loaded | null = null;
  /** Aborts what a load or a check is doing. */
  #life = new AbortController();
  readonly #running = new Map<number, AbortController>();
  #health: Timer | null = null;
  #isChecking = false;
  #lastGoodMs = 0;
  #dutyPercent = 100;
  #restUntilMs = 0;
  #isGone = false;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  onMessage(listener: (message: unknown) => void): void {
    // Messages of a process never arrive during a call to it.
    this.#report = (report) => queueMicrotask(() => listener(report));
  }

  onExit(listener: (cause: string) => void): void {
    this.#exited = listener;
  }

  kill(): void {
    this.#exit('killed');
  }

  send(command: EngineCommand): void {
    if (this.#isGone) return;
    switch (command.type) {
      case 'load':
        void this.#load(command);
        break;
      case 'unload':
        this.#release();
        this.#report({ type: 'unloaded', request: command.request });
        break;
      case 'generate':
        void this.#generate(command.id, command.request as GenerateRequest);
        break;
      case 'abort':
        this.#running.get(command.id)?.abort();
        break;
      case 'duty':
        this.#dutyPercent = command.percent;
        break;
      case 'threads':
        // Those of another program.
        break;
      case 'exit':
        this.#exit('exited');
        break;
      default:
        assertNever(command);
    }
  }

  async #load({ request, path }: Extract<EngineCommand, { type: 'load' }>): Promise<void> {
    this.#release();
    const { clock, find } = this.#options;
    const startedMs = clock.monotonic();
    const life = this.#life;
    const deadline = startDeadline(clock, LOAD_MS_MAX, life.signal);
    const served = find(path);
    const connection = served?.connect();
    try {
      if (served === null || connection === undefined) {
        throw new AppError('model-unavailable', 'This engine was removed.');
      }
      const found = await this.#try(served, connection, deadline.signal);
      if (life !== this.#life) return connection.close();
      this.#loaded = { served, connection, model: found.model };
      this.#lastGoodMs = clock.monotonic();
      this.#health = clock.every(HEALTH_EVERY_MS, () => this.#checkIfQuiet());
      const loadMs = clock.monotonic() - startedMs;
      this.#report({ type: 'loaded', request, report: { ...found.report, loadMs } });
    } catch (error) {
      connection?.close();
      if (life !== this.#life || this.#isGone) return;
      served?.onProblem(sentenceOf(error));
      const isFinal = isAppError(error, 'unsupported', 'model-unavailable');
      if (isFinal) this.#report({ type: 'failed', request, failure: failureOf(error) });
      else this.#exit(causeOf(error));
    } finally {
      deadline.cancel();
    }
  }

  async #try(served: ServedModel, connection: EngineServerConnection, signal: AbortSignal) {
    const { clock, trials } = this.#options;
    const access = { connection, clock, signal };
    const before = await identify(access);
    const listed = before.models.find(({ name }) => name === served.name);
    if (listed === undefined) throw new AppError('engine-failed', 'The engine doesn’t list this model.');
    const model = {
      kind: before.kind,
      name: served.name,
      answersAs: null,
      contextTokens: CONTEXT_TOKENS_ASSUMED,
      eventsAreTokens: true,
    };
    const identity = JSON.stringify([served.id, before.kind, before.version, before.sequences, listed]);
    // Of a server that loads models on demand, the trial shows whether this one loads, and with which context.
    const trial = trials.get(identity) ?? (await tryModel({ connection, clock, model }, signal));
    trials.set(identity, trial);
    served.onTried(trial);
    const { models } = listed.contextTokens === null ? await identify(access) : before;
    const contextTokens = models.find(({ name }) => name === served.name)?.contextTokens;
    const known = Math.min(CONTEXT_TOKENS_MAX, contextTokens ?? CONTEXT_TOKENS_ASSUMED);
    return {
      model: { ...model, ...trial, contextTokens: known },
      report: {
        contextTokens: known,
        sequences: before.sequences,
        threads: null,
        backend: before.kind,
        quantisation: listed.quantisation ?? '',
        parameterCount: listed.parameterCount,
        features: [...trial.features],
        sandbox: SANDBOX,
      },
    };
  }

  async #generate(id: number, request: GenerateRequest): Promise<void> {
    const { clock, log, find } = this.#options;
    const controller = new AbortController();
    this.#running.set(id, controller);
    const loaded = this.#loaded;
    const startedMs = clock.monotonic();
    try {
      if (loaded === null) throw new AppError('model-unavailable', 'No model is loaded.');
      if (find(loaded.served.id) === null) throw new AppError('engine-failed', 'This engine was removed.');
      await this.#rest(controller.signal);
      const { connection, model } = loaded;
      for await (const batch of answerAt({ connection, clock, model }, request, controller.signal)) {
        this.#lastGoodMs = clock.monotonic();
        // The last batch: the supervisor sends the next request as soon as it has the end.
        if (batch.at(-1)?.type === 'end') this.#ended(id, startedMs);
        this.#report({ type: 'events', events: batch.map((event) => ({ ...event, id }) as never) });
      }
    } catch (error) {
      this.#ended(id, startedMs);
      const failure = failureOf(error);
      if (failure.code === 'engine-failed' && !this.#isGone) {
        log.warn('An engine server failed in an answer', { model: loaded?.served.id, cause: causeOf(error) });
      }
      this.#report({ type: 'events', events: [{ type: 'failed', id, failure }] });
      if (failure.code === 'engine-failed') void this.#check();
    }
  }

  /** A throttled server rests between answers: what it does within one is not in Idlewatt's hands. */
  #ended(id: number, startedMs: number): void {
    if (!this.#running.delete(id)) return;
    const nowMs = this.#options.clock.monotonic();
    const restMs = ((nowMs - startedMs) * (100 - this.#dutyPercent)) / this.#dutyPercent;
    this.#restUntilMs = Math.max(this.#restUntilMs, nowMs + Math.min(REST_MS_MAX, restMs));
  }

  #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const restMs = this.#restUntilMs - clock.monotonic();
    if (restMs <= 0 || this.#dutyPercent === 100) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.after(restMs, resolve);
      signal.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  #checkIfQuiet(): void {
    if (this.#options.clock.monotonic() - this.#lastGoodMs >= HEALTH_EVERY_MS) void this.#check();
  }

  /** Exits if the server is gone, or no longer has the model. */
  async #check(): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null || this.#isChecking || this.#isGone) return;
    this.#isChecking = true;
    const life = this.#life;
    try {
      const { connection, served } = loaded;
      if (this.#options.find(served.id) === null)
        throw new AppError('engine-failed', 'This engine was removed.');
      const { models } = await identify({ connection, clock: this.#options.clock, signal: life.signal });
      if (!models.some(({ name }) => name === served.name)) {
        throw new AppError('engine-failed', 'The engine doesn’t list this model any more.');
      }
      this.#lastGoodMs = this.#options.clock.monotonic();
    } catch (error) {
      if (life === this.#life) this.#exit(causeOf(error));
    } finally {
      this.#isChecking = false;
    }
  }

  /** Closes every request immediately. Ollama is asked to free its memory; nobody waits for that. */
  #release(): void {
    const loaded = this.#loaded;
    this.#loaded = null;
    this.#life.abort();
    this.#life = new AbortController();
    this.#health?.cancel();
    this.#health = null;
    for (const controller of this.#running.values()) controller.abort();
    loaded?.connection.close();
    if (loaded?.model.kind === 'ollama') void this.#unload(loaded.served);
  }

  async #unload(served: ServedModel): Promise<void> {
    const { clock, log } = this.#options;
    const connection = served.connect();
    const never = new AbortController().signal;
    const deadline = startDeadline(clock, RELEASE_MS_MAX, never);
    try {
      const body = { model: served.name, keep_alive: 0 };
      const request = { method: 'POST' as const, path: '/api/generate', body };
      const { status } = await readFacts({ connection, clock, signal: deadline.signal }, request);
      if (status !== 200) throw new AppError('engine-failed', `status ${status}`);
    } catch (error) {
      log.warn('An engine server did not free its memory', { model: served.id, cause: causeOf(error) });
    } finally {
      deadline.cancel();
      connection.close();
    }
  }

  #exit(cause: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#release();
    // Like a process, it ends after the call that ends it.
    queueMicrotask(() => this.#exited(cause));
  }
}

/** Returns only sentences of this program: those of the server or the system could quote a prompt. */
function failureOf(error: unknown): EngineFailure {
  const message = 'The engine could not be reached.';
  if (!isAppError(error)) return { code: 'engine-failed', message, details: {} };
  const known = ['bad-request', 'context-exceeded', 'model-unavailable'] as const;
  const code = known.find((each) => each === error.code) ?? 'engine-failed';
  const isFinal = error.code === 'unsupported';
  return {
    code: isFinal ? 'model-unavailable' : code,
    message: error.message,
    details: { ...error.details },
  };
}

function sentenceOf(error: unknown): string {
  return isAppError(error) ? error.message : `The engine ${causeOf(error)}.`;
}

function causeOf(error: unknown): string {
  if (isAppError(error)) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  return `can’t be reached (${code})`;
}

/**
 * Fake {@link Engine} for tests that need responses but no model: it generates words, fulfills the port's contract
 * (one `end`, stop strings, abort, queue, context) and can crash on demand. The contract suite runs on it.
 */
import type {
  Engine,
  EngineStatus,
  GenerateEvent,
  GenerateRequest,
  GivenBack,
  LoadedModel,
  LoadOptions,
  ModelFile,
} from '../../main/ports/engine.ts';
import { textsOf } from '../../shared/asked.ts';
import { AppError } from '../../shared/errors.ts';
import { sandboxOf } from './sandbox.ts';

export interface FakeEngineOptions {
  /** Words of the response to a request; one word is one token. Default: endless `word-<n> `. */
  readonly answer?: (request: GenerateRequest) => Iterable<string>;
  /** Awaited before each token; default one turn of the event loop. */
  readonly beforeToken?: (index: number) => Promise<void>;
}

export interface FakeEngine extends Engine {
  /** Simulates a killed process: responses in progress fail with `engine-failed`. */
  crash(): void;
  /** All requests received, in order. */
  readonly requests: readonly GenerateRequest[];
}

export const FAKE_MODEL: ModelFile = { id: 'fake', path: '/fake/model.gguf', sha256: 'f'.repeat(64) };
export const FAKE_LOAD: LoadOptions = {
  contextTokens: 512,
  sequences: 2,
  threads: 1,
  graphicsMemoryBytesMax: null,
};

/** Starts stopped; with `loaded` it is ready immediately. */
export function createFakeEngine(
  options: FakeEngineOptions & { readonly loaded?: LoadOptions } = {},
): FakeEngine {
  const state = new FakeState();
  const answer = options.answer ?? endlessWords;
  const beforeToken = options.beforeToken ?? (() => new Promise<void>((resolve) => setImmediate(resolve)));
  if (options.loaded) state.load(FAKE_MODEL, options.loaded);
  return {
    requests: state.requests,
    status: () => state.status,
    onStatus: (listener) => state.onStatus(listener),
    async load(model, load) {
      state.end();
      state.setStatus({ state: 'loading', modelId: model.id });
      return state.load(model, load);
    },
    generate: (request, signal) => generate(state, { answer, beforeToken }, request, signal),
    unload: async () => state.end(),
    setDuty() {},
    setThreadsMax() {},
    handBack: async () => state.handBack(),
    stop: async () => state.end(),
    crash: () => state.crash(),
  };
}

/** Status and sequences of the fake. A `life` lasts from loading a model until the process would have ended. */
class FakeState {
  readonly requests: GenerateRequest[] = [];
  status: EngineStatus = { state: 'stopped' };
  life = 0;
  lastEnd: 'given-back' | 'other' = 'other';
  #active = 0;
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  readonly #waiting: (() => void)[] = [];

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setStatus(next: EngineStatus): void {
    this.status = next;
    for (const listener of this.#listeners) listener(next);
  }

  load(model: ModelFile, load: Omit<LoadOptions, 'graphicsMemoryBytesMax'>): LoadedModel {
    const measured = { backend: 'cpu', loadMs: 1, quantisation: 'F32', parameterCount: 1 };
    const loaded = { model, ...load, ...measured, sandbox: sandboxOf('not-built') };
    this.setStatus({ state: 'ready', loaded, activeSequences: 0, pid: 1 });
    return loaded;
  }

  /** Fails with `model-unavailable` if no model is loaded. */
  loaded(): LoadedModel {
    if (this.status.state === 'ready') return this.status.loaded;
    throw new AppError('model-unavailable', 'No model is loaded.');
  }

  end(): void {
    this.life += 1;
    this.lastEnd = 'other';
    for (const wake of this.#waiting.splice(0)) wake();
    if (this.status.state !== 'stopped') this.setStatus({ state: 'stopped' });
  }

  handBack(): GivenBack | null {
    if (this.status.state !== 'ready') return null;
    const how = this.#active > 0 ? 'killed' : 'unloaded';
    this.end();
    this.lastEnd = 'given-back';
    return { how, durationMs: 1 };
  }

  crash(): void {
    if (this.status.state !== 'ready') return;
    const { loaded } = this.status;
    this.life += 1;
    this.setStatus({ state: 'restarting', attempt: 1, inMs: 0, cause: 'killed by SIGKILL' });
    this.load(loaded.model, { ...loaded, threads: loaded.threads ?? 1 });
  }

  /** Takes a sequence, or waits for one until the signal aborts. Returns false if it aborted. */
  async takeSequence(sequences: number, signal: AbortSignal): Promise<boolean> {
    while (this.#active >= sequences && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      this.loaded();
    }
    if (signal.aborted) return false;
    this.#setActive(this.#active + 1);
    return true;
  }

  freeSequence(): void {
    this.#setActive(this.#active - 1);
    this.#waiting.shift()?.();
  }

  #setActive(count: number): void {
    this.#active = count;
    if (this.status.state === 'ready') this.setStatus({ ...this.status, activeSequences: count });
  }
}

async function* generate(
  state: FakeState,
  means: Required<FakeEngineOptions>,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  const loaded = state.loaded();
  state.requests.push(request);
  if (!(await state.takeSequence(loaded.sequences, signal))) {
    yield endEvent('aborted', 0, 0);
    return;
  }
  try {
    const inputTokens = checkedInputTokens(request, loaded);
    yield { type: 'start', inputTokens };
    yield* respond(state, means, { request, inputTokens }, signal);
  } finally {
    state.freeSequence();
  }
}

async function* respond(
  state: FakeState,
  { answer, beforeToken }: Required<FakeEngineOptions>,
  { request, inputTokens }: { readonly request: GenerateRequest; readonly inputTokens: number },
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  const startedIn = state.life;
  let outputTokens = 0;
  for (const word of answer(request)) {
    await beforeToken(outputTokens);
    const ended = state.life !== startedIn;
    if (ended && state.lastEnd !== 'given-back') {
      const details = { deliveredTokens: outputTokens };
      throw new AppError('engine-failed', 'The engine process ended during the response.', { details });
    }
    if (ended || signal.aborted) {
      yield endEvent('aborted', inputTokens, outputTokens);
      return;
    }
    // The fake finds a stop string only within one word.
    const found = request.stop.map((stop) => word.indexOf(stop)).filter((at) => at >= 0);
    const text = found.length > 0 ? word.slice(0, Math.min(...found)) : word;
    if (text !== '') {
      yield { type: 'text', text, tokens: [outputTokens] };
      outputTokens += 1;
    }
    if (found.length > 0) break;
    if (outputTokens >= request.maxTokens) {
      yield endEvent('length', inputTokens, outputTokens);
      return;
    }
  }
  yield endEvent('stop', inputTokens, outputTokens);
}

function endEvent(
  reason: 'stop' | 'length' | 'aborted',
  inputTokens: number,
  outputTokens: number,
): GenerateEvent {
  return { type: 'end', reason, inputTokens, outputTokens, prefillMs: 1, decodeMs: 1 };
}

/** Fails with `context-exceeded`. */
function checkedInputTokens(request: GenerateRequest, { contextTokens }: LoadedModel): number {
  const inputTokens = countWords(request);
  const { maxTokens } = request;
  if (inputTokens + maxTokens > contextTokens) {
    const details = { inputTokens, maxTokens, contextTokens };
    throw new AppError('context-exceeded', 'Prompt and response exceed the context.', { details });
  }
  return inputTokens;
}

function* endlessWords(): Generator<string> {
  for (let index = 0; ; index += 1) yield `word-${index} `;
}

function countWords({ prompt }: GenerateRequest): number {
  const texts = textsOf({ prompt });
  return texts.reduce((sum, text) => sum + text.split(/\s+/).filter(Boolean).length, 0);
}

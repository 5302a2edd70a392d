/**
 * A fake {@link Engine} for tests that need answers but no model: it echoes, keeps the port's contract
 * (one `end`, stop strings, abort, queue, context), and can be told to fail. The contract suite runs on it.
 */

import type {
  Engine,
  EngineStatus,
  GenerateEvent,
  GenerateRequest,
  LoadedModel,
  LoadOptions,
  ModelFile,
} from '../../main/ports/engine.ts';
import { AppError } from '../../shared/errors.ts';
import { sandboxOf } from './sandbox.ts';

export interface FakeEngineOptions {
  /** The words of the answer to a request; one word is one token. Default: endless `word-<n> `. */
  readonly answer?: (request: GenerateRequest) => Iterable<string>;
  /** Waits before each token; default one turn of the event loop. */
  readonly beforeToken?: (index: number) => Promise<void>;
}

export interface FakeEngine extends Engine {
  /** As if the process was killed: answers under way fail with `engine-failed`. */
  crash(): void;
  /** Every request it was given, in order. */
  readonly requests: readonly GenerateRequest[];
}

export const FAKE_MODEL: ModelFile = { id: 'fake', path: '/fake/model.gguf', sha256: 'f'.repeat(64) };
export const FAKE_LOAD: LoadOptions = {
  contextTokens: 512,
  sequences: 2,
  threads: 1,
  graphicsMemoryBytesMax: null,
};

/** Starts stopped; with `loaded` it is ready at once. */
export function createFakeEngine(
  options: FakeEngineOptions & { readonly loaded?: LoadOptions } = {},
): FakeEngine {
  const answer = options.answer ?? endlessWords;
  const beforeToken = options.beforeToken ?? (() => new Promise<void>((resolve) => setImmediate(resolve)));
  const listeners = new Set<(status: EngineStatus) => void>();
  const requests: GenerateRequest[] = [];
  const waiting: (() => void)[] = [];
  let active = 0;
  let life = 0;
  let lastEnd: 'given-back' | 'other' = 'other';
  let status: EngineStatus = { state: 'stopped' };

  function setStatus(next: EngineStatus): void {
    status = next;
    for (const listener of listeners) listener(next);
  }
  function ready(model: ModelFile, load: Omit<LoadOptions, 'graphicsMemoryBytesMax'>): LoadedModel {
    const sandbox = sandboxOf('not-built');
    const measured = { backend: 'cpu', loadMs: 1, quantisation: 'F32', parameterCount: 1 };
    const loaded = { model, ...load, ...measured, sandbox };
    setStatus({ state: 'ready', loaded, activeSequences: 0, pid: 1 });
    return loaded;
  }
  function current(): LoadedModel {
    if (status.state === 'ready') return status.loaded;
    throw new AppError('model-unavailable', 'No model is loaded.');
  }
  function setActive(count: number): void {
    active = count;
    if (status.state === 'ready') setStatus({ ...status, activeSequences: count });
  }
  async function end(): Promise<void> {
    life += 1;
    lastEnd = 'other';
    for (const wake of waiting.splice(0)) wake();
    if (status.state !== 'stopped') setStatus({ state: 'stopped' });
  }

  if (options.loaded) ready(FAKE_MODEL, options.loaded);
  return {
    requests,
    status: () => status,
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async load(model, load) {
      await end();
      setStatus({ state: 'loading', modelId: model.id });
      return ready(model, load);
    },
    async *generate(request, signal): AsyncGenerator<GenerateEvent> {
      const loaded = current();
      requests.push(request);
      const aborted = (inputTokens: number, outputTokens: number): GenerateEvent => ({
        type: 'end',
        reason: 'aborted',
        inputTokens,
        outputTokens,
        prefillMs: 1,
        decodeMs: 1,
      });
      while (active >= loaded.sequences && !signal.aborted) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        current();
      }
      if (signal.aborted) {
        yield aborted(0, 0);
        return;
      }
      setActive(active + 1);
      const born = life;
      try {
        const inputTokens = countWords(request);
        if (inputTokens + request.maxTokens > loaded.contextTokens) {
          const details = { inputTokens, maxTokens: request.maxTokens, contextTokens: loaded.contextTokens };
          throw new AppError('context-exceeded', 'Prompt and answer do not fit the context.', { details });
        }
        yield { type: 'start', inputTokens };
        let outputTokens = 0;
        let reason: 'stop' | 'length' = 'stop';
        for (const word of answer(request)) {
          await beforeToken(outputTokens);
          if (life !== born && lastEnd === 'given-back') {
            yield aborted(inputTokens, outputTokens);
            return;
          }
          if (life !== born) {
            const details = { deliveredTokens: outputTokens };
            throw new AppError('engine-failed', 'The engine process ended in the middle of an answer.', {
              details,
            });
          }
          if (signal.aborted) {
            yield aborted(inputTokens, outputTokens);
            return;
          }
          // A stop string of the fake is met within one word.
          const found = request.stop.map((stop) => word.indexOf(stop)).filter((at) => at >= 0);
          const text = found.length > 0 ? word.slice(0, Math.min(...found)) : word;
          if (text !== '') {
            yield { type: 'text', text, tokens: [outputTokens] };
            outputTokens += 1;
          }
          if (found.length > 0) break;
          if (outputTokens >= request.maxTokens) {
            reason = 'length';
            break;
          }
        }
        yield { type: 'end', reason, inputTokens, outputTokens, prefillMs: 1, decodeMs: 1 };
      } finally {
        setActive(active - 1);
        waiting.shift()?.();
      }
    },
    unload: end,
    setDuty() {},
    async handBack() {
      if (status.state !== 'ready') return null;
      const how = active > 0 ? 'killed' : 'unloaded';
      await end();
      lastEnd = 'given-back';
      return { how, durationMs: 1 };
    },
    stop: end,
    crash() {
      if (status.state !== 'ready') return;
      const { loaded } = status;
      life += 1;
      setStatus({ state: 'restarting', attempt: 1, inMs: 0, cause: 'it was ended by SIGKILL' });
      ready(loaded.model, loaded);
    },
  };
}

function* endlessWords(): Generator<string> {
  for (let index = 0; ; index += 1) yield `word-${index} `;
}

function countWords({ prompt }: GenerateRequest): number {
  const texts = prompt.kind === 'text' ? [prompt.text] : prompt.messages.map((message) => message.content);
  return texts.reduce((sum, text) => sum + text.split(/\s+/).filter(Boolean).length, 0);
}

/** Turns texts into vectors with an embedding model, one text after another between two rests of the duty cycle. */
import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import { forceUnwrap } from '../../../shared/assert.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import type { EngineCommand, EngineEvent } from '../../ports/engine-process.ts';
import type { Duty } from './duty.ts';
import { embeddingTokens } from './embedding-tokens.ts';
import { overrideThreads } from './step-threads.ts';

export interface EmbedOptions {
  readonly command: Extract<EngineCommand, { type: 'generate' }>;
  readonly signal: AbortSignal;
  readonly emit: (event: EngineEvent) => void;
  readonly duty: Duty;
}

export interface Embedder {
  /** Emits `start` and `vectors`, and returns the `end`. Fails with `context-exceeded`. */
  embed(texts: readonly string[], options: EmbedOptions): Promise<EngineEvent>;
  dispose(): Promise<void>;
}

export interface EmbedderOptions {
  readonly contextTokens: number;
  readonly threads: number;
  /** A further limit for now; null: none. */
  readonly threadsMax: () => number | null;
}

export function createEmbedder(
  model: LlamaModel,
  { contextTokens, threads, threadsMax }: EmbedderOptions,
): Embedder {
  // Created with the first request: a model that only writes needs none.
  let context: Promise<LlamaEmbeddingContext> | null = null;
  const create = async () => {
    const size = { contextSize: contextTokens, batchSize: contextTokens };
    const created = await model.createEmbeddingContext({ ...size, threads });
    const { _llamaContext: inner } = created as unknown as { readonly _llamaContext?: object };
    if (inner !== undefined) overrideThreads(inner, () => Math.min(threadsMax() ?? threads, threads));
    return created;
  };
  const open = () => {
    context ??= create();
    return context;
  };
  return {
    async embed(texts, { command: { id }, signal, emit, duty }) {
      const startMs = performance.now();
      const inputs = texts.map((text) => embeddingTokens(model, text));
      const longest = Math.max(...inputs.map(({ length }) => length));
      if (longest >= contextTokens) throw contextExceeded(longest, 0, contextTokens);
      const inputTokens = inputs.reduce((sum, { length }) => sum + length, 0);
      emit({ type: 'start', id, inputTokens });
      const opened = await open();
      let readTokens = 0;
      const vectors: string[] = [];
      for (const input of inputs) {
        await duty.turn(signal);
        if (signal.aborted) break;
        const { vector } = await duty.busy(() => opened.getEmbeddingFor(input));
        vectors.push(encode(vector));
        readTokens += input.length;
      }
      if (!signal.aborted) emit({ type: 'vectors', id, vectors });
      return {
        ...{ type: 'end', id, inputTokens, readTokens, outputTokens: 0, decodeMs: 0 },
        reason: signal.aborted ? 'aborted' : 'stop',
        prefillMs: performance.now() - startMs,
      };
    },
    async dispose() {
      if (context !== null) await (await context).dispose();
    },
  };
}

/** A vector of length one as base64 of little-endian 32-bit floats, the form in which OpenAI's clients ask for it. */
function encode(vector: readonly number[]): string {
  const length = Math.hypot(...vector) || 1;
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value / length, index * 4);
  return bytes.toString('base64');
}

/** True if the file has the rule that makes one vector of all tokens, as only embedding models do. */
export function isEmbeddingModel(model: LlamaModel): boolean {
  const { general, ...metadata } = model.fileInfo.metadata;
  const own = (metadata as Record<string, unknown>)[
    forceUnwrap('every model has an architecture', general.architecture)
  ];
  const pooling =
    typeof own === 'object' && own !== null ? (own as { pooling_type?: unknown }).pooling_type : 0;
  return typeof pooling === 'number' && pooling > 0;
}

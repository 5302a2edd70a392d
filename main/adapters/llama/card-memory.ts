/**
 * Places a model and its context in memory: on the GPUs within the owner's limit, partly if the limit is too small for
 * all of it, and on the CPU only if the limit is too small for any of it.
 */
import {
  type CustomBatchingPrioritizationStrategy as BatchingStrategy,
  InsufficientMemoryError,
  type Llama,
  type LlamaContext,
  type LlamaModel,
} from 'node-llama-cpp';
import { GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';
import type { EngineCommand } from '../../ports/engine-process.ts';

/** A model loaded by a library instance with GPUs or by one that uses the CPU only. */
export interface Placed {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

/** Library instances available to the process. */
export interface Llamas {
  readonly preferred: Llama;
  /** Opens the library without GPUs; called only if they cannot hold the model. */
  readonly processor: () => Promise<Llama>;
}

/**
 * Prompt tokens computed in one step. On a CPU small batches cost little (measured: 212 instead of 216 tokens/s), so that
 * the other answers wait less for their tokens; on a GPU they would cost more.
 */
const PROMPT_TOKENS_MAX = { cpu: 128, gpu: 512 };

export function promptTokensMax(hasGraphics: boolean): number {
  return PROMPT_TOKENS_MAX[hasGraphics ? 'gpu' : 'cpu'];
}

type LoadCommand = Extract<EngineCommand, { type: 'load' }>;

/**
 * Returns the library's part of a limit, in bytes over all GPUs together. The library counts weights, contexts and
 * buffers, but not the memory that the driver takes for the process on each GPU. Null means no limit.
 */
export function capBytes(limitBytes: number | null, cards: number): number | null {
  return limitBytes === null ? null : Math.max(0, limitBytes - cards * GRAPHICS_DRIVER_BYTES);
}

/** Fails with the library's InsufficientMemoryError if even the main memory is too small. */
export async function place(llamas: Llamas, command: LoadCommand): Promise<Placed> {
  const { preferred } = llamas;
  if (preferred.gpu === false) return load(preferred, command);
  const cards = (await preferred.getGpuDeviceNames()).length;
  const cap = capBytes(command.graphicsMemoryBytesMax, cards);
  await preferred.setVramCap(cap);
  try {
    const placed = await load(preferred, command);
    const { gpuVram } = await preferred.getLlamaMemoryUsage();
    // The library estimates before loading; the actual use is checked afterwards so that the limit is guaranteed.
    if (cap === null || gpuVram <= cap) return placed;
    await placed.context.dispose();
    await placed.model.dispose();
  } catch (error) {
    if (!(error instanceof InsufficientMemoryError)) throw error;
  }
  return load(await llamas.processor(), command);
}

/** Puts every item whole into the batch, in the order of the sequences: the library joins only neighboring ones. */
const wholeInOrder: BatchingStrategy = ({ items }) =>
  [...items]
    .sort((a, b) => a.evaluationPriority - b.evaluationPriority)
    .map((item) => ({ item, processAmount: item.tokens.length }));

async function load(llama: Llama, command: LoadCommand): Promise<Placed> {
  const { contextTokens, sequences, threads } = command;
  // Chooses as many layers as leave room for the context of all sequences, which is created right after.
  const fitContext = { contextSize: contextTokens * sequences };
  const model = await llama.loadModel({ modelPath: command.path, gpuLayers: { fitContext } });
  try {
    const context = await model.createContext({
      contextSize: Math.min(contextTokens, model.trainContextSize),
      sequences,
      threads: { ideal: threads, min: threads },
      // A whole step: parts of prompts, and one token of each other answer.
      batchSize: promptTokensMax(llama.gpu !== false) + sequences,
      batching: { itemPrioritizationStrategy: wholeInOrder },
    });
    return { model, context };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

/**
 * Where a model and its context come to lie: on the cards within the owner's limit, in part where it does not hold
 * all of it, on the processor where it holds nothing of it.
 */
import { InsufficientMemoryError, type Llama, type LlamaContext, type LlamaModel } from 'node-llama-cpp';
import { GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';
import type { EngineCommand } from '../../ports/engine-process.ts';

/** A model on a library with cards, or on one that uses the processor alone. */
export interface Placed {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

/** The ways to compute that a process has. */
export interface Llamas {
  readonly preferred: Llama;
  /** Opens the library without cards; asked only when they do not hold the model. */
  readonly processor: () => Promise<Llama>;
}

type LoadCommand = Extract<EngineCommand, { type: 'load' }>;

/**
 * What the library may hand out of a limit, in bytes over all cards together: it counts weights, contexts and
 * buffers, and not what the driver takes for the process on each card. Null is no limit.
 */
export function capBytes(limitBytes: number | null, cards: number): number | null {
  return limitBytes === null ? null : Math.max(0, limitBytes - cards * GRAPHICS_DRIVER_BYTES);
}

/** Fails with the library's InsufficientMemoryError where even the processor's memory does not hold it. */
export async function place(llamas: Llamas, command: LoadCommand): Promise<Placed> {
  const { preferred } = llamas;
  if (preferred.gpu === false) return load(preferred, command);
  const cards = (await preferred.getGpuDeviceNames()).length;
  const cap = capBytes(command.graphicsMemoryBytesMax, cards);
  await preferred.setVramCap(cap);
  try {
    const placed = await load(preferred, command);
    const { gpuVram } = await preferred.getLlamaMemoryUsage();
    // What was estimated before loading is counted after it: a limit is kept, not hoped for.
    if (cap === null || gpuVram <= cap) return placed;
    await placed.context.dispose();
    await placed.model.dispose();
  } catch (error) {
    if (!(error instanceof InsufficientMemoryError)) throw error;
  }
  return load(await llamas.processor(), command);
}

async function load(llama: Llama, command: LoadCommand): Promise<Placed> {
  const { contextTokens, sequences, threads } = command;
  // As many layers as leave room for the context of all sequences, which is made right after.
  const fitContext = { contextSize: contextTokens * sequences };
  const model = await llama.loadModel({ modelPath: command.path, gpuLayers: { fitContext } });
  try {
    const context = await model.createContext({
      contextSize: Math.min(contextTokens, model.trainContextSize),
      sequences,
      threads: { ideal: threads, min: threads },
    });
    return { model, context };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

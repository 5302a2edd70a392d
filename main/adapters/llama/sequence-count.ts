/**
 * Chooses how many sequences a loaded model gets: as many as wanted, but in the main memory only while their state takes
 * a small part of what is free, because it is allocated when the model is loaded, used or not.
 */
import type { LlamaModel } from 'node-llama-cpp';

/** Part of the free main memory that the state of all sequences may take. */
const MEMORY_SHARE_MAX = 0.25;
/** On GPUs, more sequences than this are given up before fewer layers of the model are placed there. */
export const SEQUENCES_BEFORE_LAYERS = 4;

export interface SequenceNeeds {
  readonly contextSize: number;
  readonly sequences: number;
  readonly batchSize: number;
}

/** Returns the largest half, quarter, ... of the wanted number that fits, at least 1. `freeBytes` is the main memory's. */
export async function fittingSequences(
  model: Pick<LlamaModel, 'fileInsights' | 'gpuLayers'>,
  { contextSize, sequences: wanted, batchSize }: SequenceNeeds,
  freeBytes: number,
): Promise<number> {
  let sequences = wanted;
  while (sequences > 1) {
    const needed = await model.fileInsights.estimateContextResourceRequirementsV2({
      ...{ contextSize, sequences, batchSize },
      modelGpuLayers: model.gpuLayers,
    });
    if (needed.cpuRam <= freeBytes * MEMORY_SHARE_MAX) break;
    sequences = Math.floor(sequences / 2);
  }
  return sequences;
}

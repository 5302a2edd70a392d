/** Estimates whether a model's weights and context fit into the memory that it is computed in. */
import type { ModelFit } from '../../../shared/model-files.ts';
import type { CatalogueEntry } from './catalogue.ts';

/** Facts that the estimate needs. */
export type FitFact = 'sizeBytes' | 'contextTokens' | 'contextBytesPerToken';

/** Memory that a model may count on, in bytes. */
export interface ModelMemory {
  /** The machine's; null if it is unknown. */
  readonly machineBytes: number | null;
  /** That of the GPUs, without what their drivers take; null if the CPU computes. */
  readonly graphicsBytes: number | null;
}

/** Compute buffers: memory that llama.cpp takes in addition to weights and context for small batches. */
const COMPUTE_BYTES = 256 * 1024 * 1024;
/** Assumed context, in tokens over all sequences. */
const CONTEXT_TOKENS = 8192;
/** Up to this share of the machine's free memory the owner's programs are not affected noticeably. */
const EASY_SHARE = 0.7;
/** The same for GPU memory, of which a desktop takes less. */
const EASY_GRAPHICS_SHARE = 0.85;
const TIGHT_SHARE = 0.95;

/** Returns the bytes needed to serve the model; null if its size is unknown. */
export function requiredBytes(entry: Pick<CatalogueEntry, FitFact>): number | null {
  if (entry.sizeBytes === null) return null;
  const contextTokens = Math.min(CONTEXT_TOKENS, entry.contextTokens);
  return entry.sizeBytes + contextTokens * entry.contextBytesPerToken + COMPUTE_BYTES;
}

export function fit(entry: Pick<CatalogueEntry, FitFact>, memory: ModelMemory): ModelFit {
  const { machineBytes, graphicsBytes } = memory;
  const required = requiredBytes(entry);
  if (required === null) return 'unknown';
  if (graphicsBytes === null) return fitInto(required, machineBytes, EASY_SHARE);
  const onGraphics = fitInto(required, graphicsBytes, EASY_GRAPHICS_SHARE);
  if (onGraphics !== 'does-not-fit') return onGraphics;
  const onMachine = fitInto(required, machineBytes, EASY_SHARE);
  return onMachine === 'fits' || onMachine === 'tight' ? 'partly' : onMachine;
}

function fitInto(required: number, bytes: number | null, easyShare: number): ModelFit {
  if (bytes === null) return 'unknown';
  if (required <= bytes * easyShare) return 'fits';
  return required <= bytes * TIGHT_SHARE ? 'tight' : 'does-not-fit';
}

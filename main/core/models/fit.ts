/** Whether a model's weights and context fit into the memory that is free now. */
import type { CatalogueEntry } from './catalogue.ts';

export type Fit = 'fits' | 'tight' | 'does-not-fit' | 'unknown';

/** Buffers of the computation itself; what llama.cpp takes beside weights and context for small batches. */
const COMPUTE_BYTES = 256 * 1024 * 1024;
/** The context that is assumed, in tokens over all sequences. */
const CONTEXT_TOKENS = 8192;
/** Up to this share of the free memory nobody on the machine notices. */
const EASY_SHARE = 0.7;
const TIGHT_SHARE = 0.95;

/** Bytes needed to serve it; null when the size is unknown. */
export function requiredBytes(entry: CatalogueEntry): number | null {
  if (entry.sizeBytes === null) return null;
  const contextTokens = Math.min(CONTEXT_TOKENS, entry.contextTokens);
  return entry.sizeBytes + contextTokens * entry.contextBytesPerToken + COMPUTE_BYTES;
}

export function fit(entry: CatalogueEntry, freeBytes: number | null): Fit {
  const required = requiredBytes(entry);
  if (required === null || freeBytes === null) return 'unknown';
  if (required <= freeBytes * EASY_SHARE) return 'fits';
  return required <= freeBytes * TIGHT_SHARE ? 'tight' : 'does-not-fit';
}

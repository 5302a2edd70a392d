/** Estimates whether a model's weights and context fit into the memory that is currently free. */
import type { CatalogueEntry } from './catalogue.ts';

/** Facts that the estimate needs. */
export type FitFact = 'sizeBytes' | 'contextTokens' | 'contextBytesPerToken';

export type Fit = 'fits' | 'tight' | 'does-not-fit' | 'unknown';

/** Compute buffers: memory that llama.cpp takes in addition to weights and context for small batches. */
const COMPUTE_BYTES = 256 * 1024 * 1024;
/** Assumed context, in tokens over all sequences. */
const CONTEXT_TOKENS = 8192;
/** Up to this share of the free memory the owner's programs are not affected noticeably. */
const EASY_SHARE = 0.7;
const TIGHT_SHARE = 0.95;

/** Returns the bytes needed to serve the model; null if its size is unknown. */
export function requiredBytes(entry: Pick<CatalogueEntry, FitFact>): number | null {
  if (entry.sizeBytes === null) return null;
  const contextTokens = Math.min(CONTEXT_TOKENS, entry.contextTokens);
  return entry.sizeBytes + contextTokens * entry.contextBytesPerToken + COMPUTE_BYTES;
}

export function fit(entry: Pick<CatalogueEntry, FitFact>, freeBytes: number | null): Fit {
  const required = requiredBytes(entry);
  if (required === null || freeBytes === null) return 'unknown';
  if (required <= freeBytes * EASY_SHARE) return 'fits';
  return required <= freeBytes * TIGHT_SHARE ? 'tight' : 'does-not-fit';
}

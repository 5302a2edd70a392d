/** Limit for the memory of all loaded models together: the owner's, and what the machine has. */

/** Part of the memory that models may take: the rest is for the owner's programs and for estimates that are too low. */
const SHARE_MAX = 0.95;

export interface MemoryLimit {
  /** Returns the limit in bytes while loaded models take `heldBytes`. */
  bytes(heldBytes: number): number;
  /** Returns the machine's memory for models in bytes, with the `heldBytes` that loaded models take. */
  machineBytes(heldBytes: number): number;
}

/**
 * Weights that the system maps from their file count as free memory although a loaded model needs them. Therefore the
 * memory that was free when nothing was loaded last is a limit, too.
 */
export function createMemoryLimit(freeBytes: () => number, ownerBytes: () => number | null): MemoryLimit {
  let emptyBytes = freeBytes();
  const machineBytes = (heldBytes: number) => {
    const free = freeBytes();
    if (heldBytes === 0) emptyBytes = free;
    return Math.min(free + heldBytes, emptyBytes);
  };
  return {
    machineBytes,
    bytes: (heldBytes) =>
      Math.min(Math.floor(machineBytes(heldBytes) * SHARE_MAX), ownerBytes() ?? Number.POSITIVE_INFINITY),
  };
}

/** Decides which models have to leave the memory for another one. Pure: depends only on its arguments. */

/** A model that is loaded, or about to be. */
export interface Resident {
  readonly id: string;
  /** Memory that it takes. */
  readonly bytes: number;
  /** It has jobs, or a job that waits for it. */
  readonly isBusy: boolean;
  /** Time of its last job's end, on the clock that never jumps. */
  readonly idleSinceMs: number;
}

export type Room =
  /** The model fits once these are unloaded, in this order. */
  | { readonly kind: 'room'; readonly unload: readonly string[] }
  /** The others that would have to leave have jobs. */
  | { readonly kind: 'busy' }
  /** The model doesn't fit even alone. */
  | { readonly kind: 'too-large' };

/** Makes room for a model of `bytes`: those that were idle for the longest time leave first, and none without need. */
export function makeRoom(bytes: number, residents: readonly Resident[], limitBytes: number): Room {
  if (bytes > limitBytes) return { kind: 'too-large' };
  const busy = residents.filter(({ isBusy }) => isBusy);
  let takenBytes = busy.reduce((sum, resident) => sum + resident.bytes, bytes);
  if (takenBytes > limitBytes) return { kind: 'busy' };
  const unload: string[] = [];
  for (const { id, bytes: ownBytes } of lastUsedFirst(residents)) {
    if (takenBytes + ownBytes <= limitBytes) takenBytes += ownBytes;
    else unload.unshift(id);
  }
  return { kind: 'room', unload };
}

function lastUsedFirst(residents: readonly Resident[]): Resident[] {
  return residents.filter(({ isBusy }) => !isBusy).sort((a, b) => b.idleSinceMs - a.idleSinceMs);
}

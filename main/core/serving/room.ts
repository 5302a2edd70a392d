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
  let takenBytes = residents.reduce((sum, resident) => sum + resident.bytes, bytes);
  const leaving: Resident[] = [];
  for (const resident of idleFirst(residents)) {
    if (takenBytes <= limitBytes) break;
    leaving.push(resident);
    takenBytes -= resident.bytes;
  }
  if (takenBytes > limitBytes) return { kind: 'busy' };
  // A large one that left last may have made the leave of smaller ones needless: the last used of them stay.
  for (const resident of leaving.toReversed()) {
    if (takenBytes + resident.bytes > limitBytes) continue;
    leaving.splice(leaving.indexOf(resident), 1);
    takenBytes += resident.bytes;
  }
  return { kind: 'room', unload: leaving.map(({ id }) => id) };
}

function idleFirst(residents: readonly Resident[]): Resident[] {
  return residents.filter(({ isBusy }) => !isBusy).sort((a, b) => a.idleSinceMs - b.idleSinceMs);
}

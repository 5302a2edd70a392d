/** Decides how to bring back a page whose process crashed or hangs: reload it a few times, then ask the owner. */

export interface PageRecovery {
  /** Call when the page is gone; returns what to do now. */
  gone(): 'reload' | 'ask';
  /** Call when the owner chose to try again. */
  reset(): void;
}

const RELOADS_MAX = 3;
/** A page that lived this long was healthy; its reloads are counted from zero again. */
const HEALTHY_MS = 5 * 60_000;

/** `now` is monotonic, in milliseconds. */
export function createPageRecovery(now: () => number): PageRecovery {
  let reloads = 0;
  let loadedAtMs = now();
  return {
    gone() {
      if (now() - loadedAtMs >= HEALTHY_MS) reloads = 0;
      if (reloads >= RELOADS_MAX) return 'ask';
      reloads += 1;
      loadedAtMs = now();
      return 'reload';
    },
    reset() {
      reloads = 0;
      loadedAtMs = now();
    },
  };
}

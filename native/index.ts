/**
 * The native part's typed door. Where it was not compiled (no compiler, or a platform that nothing is written
 * for) the same functions answer null, and `missing` says why: the app works without, and knows less.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface InputReading {
  /** Since the last key or movement of the mouse. */
  readonly idleMs: number | null;
  /** The window in front covers its whole screen. */
  readonly fullScreen: boolean | null;
}

/** One graphics card as NVIDIA's driver describes it; what it did not say is null. */
export interface Card {
  readonly name: string | null;
  readonly uuid: string | null;
  readonly loadPercent: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryTotalBytes: number | null;
  readonly watts: number | null;
  readonly celsius: number | null;
  /** The processes that hold memory on it. */
  readonly holders: readonly { readonly pid: number; readonly memoryBytes: number | null }[] | null;
  /** Load by process, as the driver sampled it since the moment that was asked for. */
  readonly samples:
    | readonly { readonly pid: number; readonly atUs: number; readonly loadPercent: number }[]
    | null;
}

export interface Native {
  /** Why there is none of it; null when it is there. */
  readonly missing: string | null;
  /** `display` names an X server on Linux and is null elsewhere. */
  readInput(display: string | null): Promise<InputReading>;
  /**
   * Calls back with true at once when the owner touches mouse or keyboard after about a second without, and with
   * false, as its last word, when the X server `display` went away or cannot tell. Keeps no process alive. Returns
   * its end; null where nothing tells by itself.
   */
  watchTouches(display: string, heard: (touched: boolean) => void): (() => void) | null;
  /**
   * The same for an open device file: true when something new can be read from it, at most once in 20 ms, and false
   * when the device is gone.
   */
  watchFile(file: number, heard: (readable: boolean) => void): (() => void) | null;
  /** `library` is null for the system's own; samples are those since `sinceUs` (microseconds since the epoch). */
  readCards(library: string | null, sinceUs: number): Promise<readonly Card[] | null>;
  /** Since a controller was moved. Null on Linux, where controllers are files. */
  controllerIdleMs(): number | null;
  /**
   * Windows and macOS: shuts this process in as far as that is possible from inside, and gives the names of the
   * parts in force, separated by spaces. On Linux the launcher does it and this does nothing.
   */
  confine(memoryBytesMax: number, parentPid: number): string;
}

const ADDON = fileURLToPath(new URL('./build/idlewatt.node', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('./build/idlewatt-sandbox', import.meta.url));

/** Only Linux's has them. */
const NO_WATCHES = { watchTouches: () => null, watchFile: () => null } satisfies Partial<Native>;

let loaded: Native | null = null;

/** Loads it once in a process. Never throws. */
export function loadNative(path: string = ADDON): Native {
  if (path !== ADDON) return load(path);
  loaded ??= load(ADDON);
  return loaded;
}

/** The program that starts another one inside the sandbox; null where there is none. */
export function sandboxLauncher(): string | null {
  return process.platform === 'linux' && existsSync(LAUNCHER) ? LAUNCHER : null;
}

function load(path: string): Native {
  if (!existsSync(path)) return fallback('it was not compiled on this machine');
  try {
    const addon: Omit<Native, 'missing' | keyof typeof NO_WATCHES> = createRequire(import.meta.url)(path);
    return { missing: null, ...NO_WATCHES, ...addon };
  } catch (error) {
    return fallback(error instanceof Error ? error.message : 'it could not be loaded');
  }
}

function fallback(missing: string): Native {
  return {
    missing,
    readInput: async () => ({ idleMs: null, fullScreen: null }),
    ...NO_WATCHES,
    readCards: async () => null,
    controllerIdleMs: () => null,
    confine: () => '',
  };
}

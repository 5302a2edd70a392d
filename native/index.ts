/**
 * Typed interface of the native part. If it was not compiled (no compiler, or a platform without source), the same
 * functions return null and `missing` gives the reason: the app works without it and detects less.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface InputReading {
  /** Time since the last key or mouse movement. */
  readonly idleMs: number | null;
  /** True if the foreground window covers its whole screen. */
  readonly fullScreen: boolean | null;
}

/** One GPU as NVIDIA's driver describes it; values that the driver doesn't report are null. */
export interface Card {
  readonly name: string | null;
  readonly uuid: string | null;
  readonly loadPercent: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryTotalBytes: number | null;
  readonly watts: number | null;
  readonly celsius: number | null;
  /** Processes that hold memory on it. */
  readonly holders: readonly { readonly pid: number; readonly memoryBytes: number | null }[] | null;
  /** Load per process, sampled by the driver since the requested time. */
  readonly samples:
    | readonly { readonly pid: number; readonly atUs: number; readonly loadPercent: number }[]
    | null;
}

export interface Native {
  /** Reason why the native part is missing; null if it is present. */
  readonly missing: string | null;
  /** `display` names an X server on Linux and is null elsewhere. */
  readInput(display: string | null): Promise<InputReading>;
  /**
   * Calls back with true immediately when mouse or keyboard input arrives after about a second without, and with false
   * as the last call when the X server `display` goes away or can't report input. Doesn't keep the process alive.
   * Returns the function that stops it; null on platforms without such events.
   */
  watchTouches(display: string, callback: (touched: boolean) => void): (() => void) | null;
  /**
   * The same for an open device file: true when new data can be read from it, at most once in 20 ms, and false when
   * the device is gone.
   */
  watchFile(file: number, callback: (readable: boolean) => void): (() => void) | null;
  /** `library` is null for the system's own. Returns samples since `sinceUs` (microseconds since the epoch). */
  readCards(library: string | null, sinceUs: number): Promise<readonly Card[] | null>;
  /** Time since a controller was moved. Null on Linux, where controllers are files. */
  controllerIdleMs(): number | null;
  /**
   * Windows and macOS: restricts this process as far as that is possible from inside, and returns the names of the
   * active parts, separated by spaces. On Linux the launcher does it and this does nothing.
   */
  confine(memoryBytesMax: number, parentPid: number): string;
}

const ADDON = fileURLToPath(new URL('./build/idlewatt.node', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('./build/idlewatt-sandbox', import.meta.url));

/** Used where the addon has no watches: only Linux's has them. */
const NO_WATCHES = { watchTouches: () => null, watchFile: () => null } satisfies Partial<Native>;

let loaded: Native | null = null;

/** Loads the native part once per process. Never throws. */
export function loadNative(path: string = ADDON): Native {
  if (path !== ADDON) return load(path);
  loaded ??= load(ADDON);
  return loaded;
}

/** Returns the program that starts another one inside the sandbox; null if there is none. */
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

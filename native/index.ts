/**
 * Typed interface of the native part. Where it wasn't compiled (no compiler, or an unsupported platform), the same
 * functions return null and `missing` gives the reason: the app works without it, but with fewer readings.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface InputReading {
  /** Since the last key press or mouse movement. */
  readonly idleMs: number | null;
  /** The window in front covers its whole screen. */
  readonly fullScreen: boolean | null;
}

/** One GPU as NVIDIA's driver describes it; null for what the driver doesn't report. */
export interface Card {
  readonly name: string | null;
  readonly uuid: string | null;
  readonly loadPercent: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryTotalBytes: number | null;
  readonly watts: number | null;
  readonly celsius: number | null;
  /** Processes that hold GPU memory. */
  readonly holders: readonly { readonly pid: number; readonly memoryBytes: number | null }[] | null;
  /** Load by process, as sampled by the driver since the requested moment. */
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
   * Calls `changed` with true immediately on mouse or keyboard input after about one second without, and with false, as
   * the last call, when the X server `display` is gone or can't report input. Doesn't keep the process alive. Returns
   * a function that ends the watch; null on platforms without input events.
   */
  watchInput(display: string, changed: (isInput: boolean) => void): (() => void) | null;
  /**
   * The same for an open device file: true when new bytes can be read from it, at most once per 20 ms, and false when
   * the device is gone.
   */
  watchFile(file: number, changed: (isReadable: boolean) => void): (() => void) | null;
  /** `library` is null for the system's own; samples are those since `sinceUs` (microseconds since the epoch). */
  readCards(library: string | null, sinceUs: number): Promise<readonly Card[] | null>;
  /** Since the last movement of a controller. Null on Linux, where controllers are files. */
  controllerIdleMs(): number | null;
  /**
   * Windows and macOS: confines this process as far as that is possible from inside, and returns the names of the
   * active parts, separated by spaces. On Linux the launcher does that, and this function does nothing.
   */
  confine(memoryBytesMax: number, parentPid: number): string;
  /**
   * Keeps this process's memory out of core files, and on Linux away from other programs of the user. Returns whether
   * that is certain.
   */
  preventDumps(): boolean;
}

const ADDON = fileURLToPath(new URL('./build/idlewatt.node', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('./build/idlewatt-sandbox', import.meta.url));

/** Replace the functions that only the Linux addon has. */
const NO_WATCHES = { watchInput: () => null, watchFile: () => null } satisfies Partial<Native>;
/** Replaces the functions that an addon of an older version lacks. */
const NO_DUMPS = { preventDumps: () => false } satisfies Partial<Native>;

let loaded: Native | null = null;

/** Loads the addon once per process. Never throws. */
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
    return { missing: null, ...NO_WATCHES, ...NO_DUMPS, ...addon };
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
    ...NO_DUMPS,
  };
}

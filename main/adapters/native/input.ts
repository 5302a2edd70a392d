/**
 * Idle time and full screen without Electron: from an X server on Linux, from the operating system on Windows and
 * macOS. Under Wayland an X server receives input only of its own windows, so nothing is reported there. An X server
 * also reports the owner's return immediately; the other systems are polled.
 */
import { loadNative, type Native } from '../../../native/index.ts';
import type { Sensor } from '../../ports/sensors.ts';
import { createTimeoutCall } from './timeout-call.ts';

export interface InputSensorOptions {
  readonly native?: Native;
  readonly platform?: NodeJS.Platform;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Called at each reading, because a session may start later than the agent. */
  readonly environment?: () => NodeJS.ProcessEnv;
}

const NAMES: { readonly [Platform in NodeJS.Platform]?: string } = { win32: 'windows', darwin: 'macos' };

/** Retry delay of the watch: a server that is gone, or can't report input, rarely recovers sooner. */
const WATCH_AGAIN_MS = 10_000;

export function createInputSensor(options: InputSensorOptions = {}): Sensor {
  const native = options.native ?? loadNative();
  const platform = options.platform ?? process.platform;
  const now = options.now ?? Date.now;
  const environment = options.environment ?? (() => process.env);
  const source = NAMES[platform] ?? 'x11';
  const display = () => (source === 'x11' ? xDisplay(environment()) : null);
  const readInput = createTimeoutCall(async () => {
    const name = display();
    return source === 'x11' && name === null ? null : native.readInput(name);
  });
  const input = createInputWatch(native, now);
  return {
    name: source,
    async read() {
      const reading = await readInput();
      const atMs = now();
      const idleMs = reading?.idleMs ?? null;
      const fullScreen = reading?.fullScreen ?? null;
      // Without idle time there is no server, so retrying every second would be useless.
      input.watch(idleMs === null ? null : display());
      return {
        inputIdleSeconds:
          // The reading may be older than input that the watch reported in the meantime.
          idleMs === null ? null : { value: Math.min(idleMs, input.sinceMs(atMs)) / 1000, source, atMs },
        fullScreen: fullScreen === null ? null : { value: fullScreen, source, atMs },
      };
    },
    onOwner: (listener) =>
      input.listen(() => listener({ inputIdleSeconds: { value: 0, source, atMs: now() } })),
    close: () => input.watch(null),
  };
}

/** Watches the input of one display at a time, as long as there are listeners. */
function createInputWatch(native: Native, now: () => number) {
  const listeners = new Set<() => void>();
  let watched: { readonly display: string; readonly end: () => void } | null = null;
  let watchAtMs = Number.NEGATIVE_INFINITY;
  let inputAtMs = Number.NEGATIVE_INFINITY;

  function watch(display: string | null): void {
    const wanted = listeners.size > 0 ? display : null;
    if (watched !== null && watched.display !== wanted) {
      watched.end();
      watched = null;
    }
    if (wanted === null || watched !== null || now() < watchAtMs) return;
    watchAtMs = now() + WATCH_AGAIN_MS;
    const end = native.watchInput(wanted, (isInput) => {
      if (!isInput) {
        watched = null;
        return;
      }
      inputAtMs = now();
      for (const listener of listeners) listener();
    });
    if (end !== null) watched = { display: wanted, end };
  }

  return {
    watch,
    /** Time since the last reported input; infinite if there was none, or the clock was set back since. */
    sinceMs: (nowMs: number) => (nowMs < inputAtMs ? Number.POSITIVE_INFINITY : nowMs - inputAtMs),
    listen(listener: () => void) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watch(null);
      };
    },
  };
}

/** Returns the display; null in a Wayland session, even if an X server runs inside it. */
function xDisplay(environment: NodeJS.ProcessEnv): string | null {
  if (environment.WAYLAND_DISPLAY || environment.XDG_SESSION_TYPE === 'wayland') return null;
  return environment.DISPLAY || null;
}

/**
 * Idle time and full screen without Electron: from an X server on Linux, from the system itself on Windows and
 * macOS. Under Wayland an X server hears only of its own windows, so nothing is said there. An X server also tells of
 * the owner's return at once; the others wait to be asked.
 */
import { loadNative, type Native } from '../../../native/index.ts';
import type { Sensor } from '../../ports/sensors.ts';
import { createTimelyQuestion } from './answer-in-time.ts';

export interface InputSensorOptions {
  readonly native?: Native;
  readonly platform?: NodeJS.Platform;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Asked at each reading: a session may come later than the agent. */
  readonly environment?: () => NodeJS.ProcessEnv;
}

const NAMES: { readonly [Platform in NodeJS.Platform]?: string } = { win32: 'windows', darwin: 'macos' };

/** Whoever lost the server, or cannot tell, will hardly tell so soon. */
const WATCH_AGAIN_MS = 10_000;

export function createInputSensor(options: InputSensorOptions = {}): Sensor {
  const native = options.native ?? loadNative();
  const platform = options.platform ?? process.platform;
  const now = options.now ?? Date.now;
  const environment = options.environment ?? (() => process.env);
  const source = NAMES[platform] ?? 'x11';
  const display = () => (source === 'x11' ? xDisplay(environment()) : null);
  const ask = createTimelyQuestion(async () => {
    const name = display();
    return source === 'x11' && name === null ? null : native.readInput(name);
  });
  const touches = createTouches(native, now);
  return {
    name: source,
    async read() {
      const input = await ask();
      const atMs = now();
      const idleMs = input?.idleMs ?? null;
      const fullScreen = input?.fullScreen ?? null;
      // There is a server: asking for what is not there each second would be for nothing.
      touches.watch(idleMs === null ? null : display());
      return {
        inputIdleSeconds:
          // The answer may be from before a touch that was heard while it was on its way.
          idleMs === null ? null : { value: Math.min(idleMs, touches.sinceMs(atMs)) / 1000, source, atMs },
        fullScreen: fullScreen === null ? null : { value: fullScreen, source, atMs },
      };
    },
    onOwner: (listener) =>
      touches.listen(() => listener({ inputIdleSeconds: { value: 0, source, atMs: now() } })),
    close: () => touches.watch(null),
  };
}

/** Hears of the owner's hand from one display at a time, for as long as somebody listens. */
function createTouches(native: Native, now: () => number) {
  const listeners = new Set<() => void>();
  let watched: { readonly display: string; readonly end: () => void } | null = null;
  let watchAtMs = Number.NEGATIVE_INFINITY;
  let touchedAtMs = Number.NEGATIVE_INFINITY;

  function watch(display: string | null): void {
    const wanted = listeners.size > 0 ? display : null;
    if (watched !== null && watched.display !== wanted) {
      watched.end();
      watched = null;
    }
    if (wanted === null || watched !== null || now() < watchAtMs) return;
    watchAtMs = now() + WATCH_AGAIN_MS;
    const end = native.watchTouches(wanted, (touched) => {
      if (!touched) {
        watched = null;
        return;
      }
      touchedAtMs = now();
      for (const listener of listeners) listener();
    });
    if (end !== null) watched = { display: wanted, end };
  }

  return {
    watch,
    /** Endless where it was never touched, or the clock was put back since. */
    sinceMs: (nowMs: number) => (nowMs < touchedAtMs ? Number.POSITIVE_INFINITY : nowMs - touchedAtMs),
    listen(listener: () => void) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watch(null);
      };
    },
  };
}

/** Null where the session is Wayland's, whatever X server runs inside of it. */
function xDisplay(environment: NodeJS.ProcessEnv): string | null {
  if (environment.WAYLAND_DISPLAY || environment.XDG_SESSION_TYPE === 'wayland') return null;
  return environment.DISPLAY || null;
}

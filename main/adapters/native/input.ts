/**
 * Idle time and full screen without Electron: from an X server on Linux, from the system itself on Windows and
 * macOS. Under Wayland an X server hears only of its own windows, so nothing is said there.
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

export function createInputSensor(options: InputSensorOptions = {}): Sensor {
  const native = options.native ?? loadNative();
  const platform = options.platform ?? process.platform;
  const now = options.now ?? Date.now;
  const environment = options.environment ?? (() => process.env);
  const source = NAMES[platform] ?? 'x11';
  const ask = createTimelyQuestion(async () => {
    if (source !== 'x11') return native.readInput(null);
    const display = xDisplay(environment());
    return display === null ? null : native.readInput(display);
  });
  return {
    name: source,
    async read() {
      const input = await ask();
      const atMs = now();
      const idleMs = input?.idleMs ?? null;
      const fullScreen = input?.fullScreen ?? null;
      return {
        inputIdleSeconds: idleMs === null ? null : { value: idleMs / 1000, source, atMs },
        fullScreen: fullScreen === null ? null : { value: fullScreen, source, atMs },
      };
    },
    close() {},
  };
}

/** Null where the session is Wayland's, whatever X server runs inside of it. */
function xDisplay(environment: NodeJS.ProcessEnv): string | null {
  if (environment.WAYLAND_DISPLAY || environment.XDG_SESSION_TYPE === 'wayland') return null;
  return environment.DISPLAY || null;
}

/**
 * Page of the desktop's hidden window: measures gpu.js with WebGPU and WebGL2 and reports the result to the
 * shell, its only connection. The shell stops the probe by destroying the window.
 */
import { GPU } from 'gpu.js';
import { type GpuInstance, probeModes, WINDOW_MODES } from '../../shared/gpu-kernels/index.ts';
import { adapterName, missingMode, webgl2Name } from './graphics.ts';

declare global {
  interface Window {
    /** Exposed by the window's preload script. */
    readonly idlewattProbe: {
      report(result: unknown): void;
      fail(message: string): void;
    };
  }
}

// `?quick` is for tests and for the self-check of a build.
const quick = new URLSearchParams(window.location.search).has('quick');

probeModes({
  // gpu.js's types declare handles as numbers; the probe only passes them on.
  createGpu: (mode) => new GPU({ mode }) as unknown as GpuInstance,
  modes: WINDOW_MODES,
  missing: missingMode,
  renderer: async (mode) => (mode === 'webgpu' ? adapterName() : webgl2Name()),
  monotonic: () => performance.now(),
  now: () => Date.now(),
  threads: null,
  quick,
}).then(
  (result) => window.idlewattProbe.report(result),
  (error: unknown) => window.idlewattProbe.fail(error instanceof Error ? error.message : String(error)),
);

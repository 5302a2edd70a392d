/**
 * The page of the desktop's hidden window: measures what gpu.js can do with WebGPU and WebGL2, hands the
 * result to the shell and has nothing else. The shell destroys the window to stop it.
 */
import { GPU } from 'gpu.js';
import { type GpuInstance, probeModes, WINDOW_MODES } from '../../shared/gpu-kernels/index.ts';
import { adapterName, missingMode, webgl2Name } from './graphics.ts';

declare global {
  interface Window {
    /** From the window's preload. */
    readonly idlewattProbe: {
      report(result: unknown): void;
      fail(message: string): void;
    };
  }
}

// `?quick` serves tests and the self-check of a build.
const quick = new URLSearchParams(window.location.search).has('quick');

probeModes({
  // gpu.js's own types know handles as numbers; the probe only passes them on.
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

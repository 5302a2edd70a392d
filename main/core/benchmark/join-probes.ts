/** Combines two gpu.js probes: the desktop window measures the GPU modes, the worker process the others. */
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import { isAppError } from '../../../shared/errors.ts';
import { WINDOW_MODES } from '../../../shared/gpu-kernels/index.ts';
import type { GpuProbe } from '../../ports/machine.ts';

/**
 * Runs the probes one after the other, so that they do not disturb each other. For modes that both report, the window's
 * result counts. If the window fails, its modes are unavailable with the reason, and the process still measures.
 */
export function joinProbes(window: GpuProbe, other: GpuProbe): GpuProbe {
  return {
    async run(signal) {
      const graphics = await window.run(signal).catch((error: unknown): GpuProbeResult => {
        if (signal.aborted || isAppError(error, 'aborted')) throw error;
        const reason = error instanceof Error ? error.message : 'The window did not respond.';
        return {
          measurements: [],
          unavailable: WINDOW_MODES.map((mode) => ({ mode, reason })),
          renderer: null,
        };
      });
      const processor = await other.run(signal);
      const reported = new Set([...graphics.measurements, ...graphics.unavailable].map(({ mode }) => mode));
      return {
        measurements: [
          ...graphics.measurements,
          ...processor.measurements.filter(({ mode }) => !reported.has(mode)),
        ],
        unavailable: [
          ...graphics.unavailable,
          ...processor.unavailable.filter(({ mode }) => !reported.has(mode)),
        ],
        renderer: graphics.renderer ?? processor.renderer,
      };
    },
  };
}

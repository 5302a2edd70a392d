/** Two gpu.js probes as one: the desktop's window has the graphics modes, the worker process the others. */
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import { isAppError } from '../../../shared/errors.ts';
import { WINDOW_MODES } from '../../../shared/gpu-kernels/index.ts';
import type { GpuProbe } from '../../ports/machine.ts';

/**
 * Runs them one after the other, so that they do not disturb each other. What the window says about a mode
 * counts; a window that fails leaves its modes unavailable with the reason, and the process is still asked.
 */
export function joinProbes(window: GpuProbe, other: GpuProbe): GpuProbe {
  return {
    async run(signal) {
      const graphics = await window.run(signal).catch((error: unknown): GpuProbeResult => {
        if (signal.aborted || isAppError(error, 'aborted')) throw error;
        const reason = error instanceof Error ? error.message : 'The window did not answer.';
        return {
          measurements: [],
          unavailable: WINDOW_MODES.map((mode) => ({ mode, reason })),
          renderer: null,
        };
      });
      const processor = await other.run(signal);
      const told = new Set([...graphics.measurements, ...graphics.unavailable].map(({ mode }) => mode));
      return {
        measurements: [
          ...graphics.measurements,
          ...processor.measurements.filter(({ mode }) => !told.has(mode)),
        ],
        unavailable: [
          ...graphics.unavailable,
          ...processor.unavailable.filter(({ mode }) => !told.has(mode)),
        ],
        renderer: graphics.renderer ?? processor.renderer,
      };
    },
  };
}

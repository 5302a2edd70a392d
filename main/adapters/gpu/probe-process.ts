/**
 * Process of the headless probe: measures gpu.js without a window, reports once and exits. It is a separate process
 * instead of a thread of the agent, because the agent would keep hundreds of megabytes after such a thread has ended,
 * and only the end of a process frees them.
 */
import { availableParallelism, constants, setPriority } from 'node:os';
import { GPU } from 'gpu.js';
import {
  type GpuInstance,
  PROBE_MODES,
  type ProbeMode,
  probeModes,
} from '../../../shared/gpu-kernels/index.ts';

/** Small squares and few runs. */
const QUICK_FLAG = '--quick';

const NO_WINDOW = 'Requires a window. Run the benchmark in the desktop app.';

async function missing(mode: ProbeMode): Promise<string | null> {
  switch (mode) {
    case 'webgpu':
    case 'webgl2':
      return NO_WINDOW;
    case 'webasm':
      return GPU.isWebAssemblySupported ? null : 'This version of Node does not support WebAssembly.';
    case 'cpu':
      return null;
  }
}

process.on('disconnect', () => process.exit());
try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Not permitted here. The probe is short and is stopped when the owner returns.
}
const result = await probeModes({
  // gpu.js types its handles as numbers; the probe only passes them on.
  createGpu: (mode) => new GPU({ mode }) as unknown as GpuInstance,
  modes: PROBE_MODES,
  missing,
  renderer: async () => null,
  monotonic: () => performance.now(),
  now: () => Date.now(),
  threads: availableParallelism(),
  quick: process.argv.includes(QUICK_FLAG),
});
// Exits once the message is sent, because gpu.js may have left threads running.
process.send?.(result, undefined, undefined, () => process.exit());

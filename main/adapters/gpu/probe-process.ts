/**
 * The process of the headless probe: measures what gpu.js can do without a window, reports once and ends.
 * A process of its own and not a thread of the agent's, because the agent keeps hundreds of megabytes
 * after such a thread has ended, and nothing but an end gives them back.
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

const NO_WINDOW = 'It needs a window: the desktop app measures it.';

async function missing(mode: ProbeMode): Promise<string | null> {
  switch (mode) {
    case 'webgpu':
    case 'webgl2':
      return NO_WINDOW;
    case 'webasm':
      return GPU.isWebAssemblySupported ? null : 'This Node has no WebAssembly.';
    case 'cpu':
      return null;
  }
}

process.on('disconnect', () => process.exit());
try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Not permitted here: the probe is short, and it is stopped when the owner returns.
}
const result = await probeModes({
  // gpu.js's own types know handles as numbers; the probe only passes them on.
  createGpu: (mode) => new GPU({ mode }) as unknown as GpuInstance,
  modes: PROBE_MODES,
  missing,
  renderer: async () => null,
  monotonic: () => performance.now(),
  now: () => Date.now(),
  threads: availableParallelism(),
  quick: process.argv.includes(QUICK_FLAG),
});
// Ends by itself once it was heard; gpu.js may have left its own threads.
process.send?.(result, undefined, undefined, () => process.exit());

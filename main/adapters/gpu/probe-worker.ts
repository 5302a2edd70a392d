/**
 * The worker thread of the headless probe: measures what gpu.js can do without a window, reports once and
 * ends. A thread of its own, because kernels on the CPU would block the agent for seconds.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { GPU } from 'gpu.js';
import { z } from 'zod';
import { assert } from '../../../shared/assert.ts';
import {
  type GpuInstance,
  PROBE_MODES,
  type ProbeMode,
  probeModes,
} from '../../../shared/gpu-kernels/index.ts';

/** What the worker is started with. */
export const probeOrderSchema = z.object({ quick: z.boolean(), threads: z.number().int().positive() });

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

assert(parentPort !== null, 'the probe runs as a worker thread');
const order = probeOrderSchema.parse(workerData);
const result = await probeModes({
  // gpu.js's own types know handles as numbers; the probe only passes them on.
  createGpu: (mode) => new GPU({ mode }) as unknown as GpuInstance,
  modes: PROBE_MODES,
  missing,
  renderer: async () => null,
  monotonic: () => performance.now(),
  now: () => Date.now(),
  threads: order.threads,
  quick: order.quick,
});
parentPort.postMessage(result);

/** Public interface of the gpu.js adapter. */
export { createWorkerProbe } from './worker-probe.ts';

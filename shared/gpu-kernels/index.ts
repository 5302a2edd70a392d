/** Public interface of the gpu.js probe: kernels and their measurement, for the worker process and the hidden window. */
export {
  type ChainRun,
  type GpuInstance,
  isSoftwareRenderer,
  PROBE_MODES,
  type ProbeHost,
  type ProbeMode,
  probeModes,
  WINDOW_MODES,
} from './probe.ts';

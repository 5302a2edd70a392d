/** What this machine is and how it does, as the benchmark and the pages see it. Unknown is null. */
import type { GpuProbeResult } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';

export type Device = AgentState['machine']['devices'][number];

export interface Inventory {
  readonly hostname: string;
  readonly os: string;
  readonly devices: readonly Device[];
  readonly memoryBytes: number | null;
  /** Physical cores over all sockets. */
  readonly physicalCores: number | null;
}

export interface MachineReadings {
  readonly freeMemoryBytes: number | null;
  readonly cpuLoadPercent: number | null;
  readonly temperatureCelsius: number | null;
  readonly watts: number | null;
  readonly atMs: number;
}

export interface MachineReader {
  inventory(): Promise<Inventory>;
  readings(): Promise<MachineReadings>;
}

/** Runs gpu.js kernels: in the shell's hidden window, or in a worker process where there is no shell. */
export interface GpuProbe {
  run(signal: AbortSignal): Promise<GpuProbeResult>;
}

/** One run of the benchmark: inventory, gpu.js probe (not for a model alone), engine speeds. */
import { randomUUID } from 'node:crypto';
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import type { AgentState } from '../../../shared/api/state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { GpuProbe, MachineReader } from '../../ports/machine.ts';
import type { EngineDuty } from '../engine/index.ts';
import { type EngineSpeedOptions, measureEngineSpeeds } from './engine-speed.ts';
import { failureText } from './failure-text.ts';
import type { BenchmarkRecord, BenchmarkScope } from './record.ts';

export type BenchmarkStep = Pick<AgentState['machine']['benchmark'], 'step' | 'progress'>;

export interface MeasureMachineOptions {
  readonly scope: BenchmarkScope;
  readonly gpuProbe: GpuProbe;
  readonly engine: Engine;
  readonly machine: MachineReader;
  readonly clock: Clock;
  readonly duty: Pick<EngineDuty, 'during' | 'jobBegins' | 'quiet'>;
  /** Percent of time that the owner's intensity setting allows. */
  readonly comfortDutyPercent: () => number;
  readonly reserve: EngineSpeedOptions['reserve'];
  readonly signal: AbortSignal;
  readonly onStep: (step: Partial<BenchmarkStep>) => void;
}

/** A probe that does not respond (a window that hangs) is given up; the rest is still measured. */
const PROBE_MS_MAX = 150_000;
/** Share of the total progress for the probe. */
const PROBE_SHARE = 0.3;
const NOT_PROBED: GpuProbeResult = { measurements: [], unavailable: [], renderer: null };

/** Fails if the signal aborts or the engine fails; a failed probe only becomes a line in `unavailable`. */
export async function measureMachine(options: MeasureMachineOptions): Promise<BenchmarkRecord> {
  const { scope, engine, machine, clock, duty, signal, onStep } = options;
  const [inventory, readings] = await Promise.all([machine.inventory(), machine.readings()]);
  signal.throwIfAborted();
  const probeShare = scope === 'machine' ? PROBE_SHARE : 0;
  const gpu = scope === 'machine' ? await probe(options) : NOT_PROBED;
  onStep({ step: 'engine', progress: probeShare });
  const speeds = await measureEngineSpeeds(engine, {
    scope,
    signal,
    duty,
    comfortDutyPercent: options.comfortDutyPercent(),
    clock,
    reserve: options.reserve,
    onProgress: (share) => onStep({ progress: probeShare + (1 - probeShare) * share }),
  });
  return {
    id: randomUUID(),
    scope,
    atMs: clock.now(),
    measurements: [...gpu.measurements, ...speeds.measurements],
    unavailable: [...gpu.unavailable, ...speeds.unavailable],
    circumstances: {
      os: inventory.os,
      devices: inventory.devices.map(({ name }) => name),
      memoryBytes: inventory.memoryBytes,
      physicalCores: inventory.physicalCores,
      cpuLoadPercent: readings.cpuLoadPercent,
      renderer: gpu.renderer,
    },
  };
}

async function probe(options: MeasureMachineOptions): Promise<GpuProbeResult> {
  options.onStep({ step: 'graphics-and-processor', progress: 0 });
  const result = await probeWithTimeout(options);
  options.signal.throwIfAborted();
  return result;
}

/** Returns the probe's result, or the reason why there is none. Fails only if the signal aborts. */
async function probeWithTimeout({
  gpuProbe,
  clock,
  signal,
}: Pick<MeasureMachineOptions, 'gpuProbe' | 'clock' | 'signal'>): Promise<GpuProbeResult> {
  const limit = new AbortController();
  const timer = clock.after(PROBE_MS_MAX, () => limit.abort());
  const ended = AbortSignal.any([signal, limit.signal]);
  // Doesn't wait for a probe that ignores its signal, because the owner may need the machine.
  const aborted = new Promise<never>((_, reject) =>
    ended.addEventListener('abort', () => reject(ended.reason), { once: true }),
  );
  try {
    return await Promise.race([gpuProbe.run(ended), aborted]);
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.signal.aborted
      ? `The probe did not respond within ${PROBE_MS_MAX / 1000} s.`
      : failureText(error, 'The probe');
    return { measurements: [], unavailable: [{ mode: 'gpu.js', reason }], renderer: null };
  } finally {
    timer.cancel();
  }
}

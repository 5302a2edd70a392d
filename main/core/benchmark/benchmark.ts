/** Runs the benchmark step by step, keeps its results with their circumstances, and tells who watches. */
import { randomUUID } from 'node:crypto';
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import type { AgentState, Measurement } from '../../../shared/api/state.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { GpuProbe, MachineReader } from '../../ports/machine.ts';
import type { EngineDuty } from '../engine/index.ts';
import { measureEngineSpeeds } from './engine-speed.ts';
import { type Measured, measuredFrom, type OfferSpeeds, type Served } from './measured.ts';
import { type BenchmarkRecord, fromRow, RECORD_KIND, toRow } from './record.ts';

export type BenchmarkState = AgentState['machine']['benchmark'];

export interface BenchmarkDependencies {
  readonly gpuProbe: GpuProbe;
  readonly engine: Engine;
  readonly machine: MachineReader;
  readonly store: BenchmarkStore;
  readonly clock: Clock;
  readonly duty: Pick<EngineDuty, 'during'>;
  /** What the owner's comfort leaves of the time, in percent. */
  readonly comfortDutyPercent: () => number;
  /** Told what was measured once it is kept. */
  readonly onMeasured?: (measurements: readonly Measurement[]) => void;
}

export interface Benchmark {
  state(): BenchmarkState;
  /** Called after each change of {@link state}; returns its unsubscribe. */
  onChange(listener: () => void): () => void;
  /**
   * Measures everything once and keeps it. Rejects with `busy` while one runs and `aborted` when it was
   * stopped; any other failure is in {@link state} too.
   */
  run(): Promise<void>;
  /** Stops a running benchmark; `why` is one sentence for the owner. */
  abort(why: string): void;
  history(limit: number): { atMs: number; measurements: Measurement[] }[];
  /** The model's newest speed that was measured without other jobs; null before there is one. */
  newest(modelId: string, name: 'prefill' | 'decode'): Measurement | null;
  /** What may be promised of what is served, at this share of the time in percent. */
  speedsAt(served: Served, dutyPercent: number): OfferSpeeds;
}

/** A probe that does not answer (a window that hangs) is given up, and the rest is still measured. */
const PROBE_MS_MAX = 150_000;
/** Share of the whole that the probe takes, for the progress. */
const PROBE_SHARE = 0.3;
/** How far back an offer's speeds are looked for, in benchmarks. */
const OFFER_LOOKBACK = 50;

export function createBenchmark(dependencies: BenchmarkDependencies): Benchmark {
  const { gpuProbe, engine, machine, store, clock } = dependencies;
  const listeners = new Set<() => void>();
  let running: AbortController | null = null;
  let state = restingState(records(1)[0] ?? null, null);
  let measured = readMeasured();

  function records(limit: number): BenchmarkRecord[] {
    return store.list(RECORD_KIND, limit).flatMap((row) => fromRow(row) ?? []);
  }

  /** Kept at hand, because every reading of the models' section asks for it. */
  function readMeasured(): Measured {
    return measuredFrom(records(OFFER_LOOKBACK).map(({ measurements }) => measurements));
  }

  function change(next: Partial<BenchmarkState>): void {
    state = { ...state, ...next };
    for (const listener of listeners) listener();
  }

  /** What the probe found, or why it found nothing. */
  async function probe(signal: AbortSignal): Promise<GpuProbeResult> {
    const limit = new AbortController();
    const timer = clock.after(PROBE_MS_MAX, () => limit.abort());
    const ended = AbortSignal.any([signal, limit.signal]);
    // A probe that ignores its signal must not hold up the owner.
    const deaf = new Promise<never>((_, reject) =>
      ended.addEventListener('abort', () => reject(ended.reason), { once: true }),
    );
    try {
      return await Promise.race([gpuProbe.run(ended), deaf]);
    } catch (error) {
      signal.throwIfAborted();
      const reason = limit.signal.aborted ? 'The probe did not answer in time.' : sentence(error);
      return { measurements: [], unavailable: [{ mode: 'gpu.js', reason }], renderer: null };
    } finally {
      timer.cancel();
    }
  }

  async function measure(signal: AbortSignal): Promise<BenchmarkRecord> {
    const [inventory, readings] = await Promise.all([machine.inventory(), machine.readings()]);
    signal.throwIfAborted();
    change({ step: 'graphics-and-processor', progress: 0 });
    const gpu = await probe(signal);
    signal.throwIfAborted();
    change({ step: 'engine', progress: PROBE_SHARE });
    const speeds = await measureEngineSpeeds(engine, {
      signal,
      duty: dependencies.duty,
      comfortDutyPercent: dependencies.comfortDutyPercent(),
      clock,
      onProgress: (share) => change({ progress: PROBE_SHARE + (1 - PROBE_SHARE) * share }),
    });
    return {
      id: randomUUID(),
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

  return {
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async run() {
      if (running !== null) throw new AppError('busy', 'A benchmark is running already.');
      const controller = new AbortController();
      running = controller;
      const before = state;
      change({ state: 'running', step: 'inventory', progress: 0, error: null });
      try {
        const record = await measure(controller.signal);
        store.insert(toRow(record));
        measured = readMeasured();
        running = null;
        dependencies.onMeasured?.(record.measurements);
        change(restingState(record, null));
      } catch (error) {
        running = null;
        const failure = controller.signal.aborted ? controller.signal.reason : error;
        // What was measured the last time still holds.
        change({ ...before, state: 'failed', error: sentence(failure) });
        throw failure;
      }
    },
    abort(why) {
      running?.abort(new AppError('aborted', why));
    },
    history: (limit) => records(limit).map(({ atMs, measurements }) => ({ atMs, measurements })),
    newest: (modelId, name) => measured.newest(modelId, name),
    speedsAt: (served, dutyPercent) => measured.speedsAt(served, dutyPercent),
  };
}

function restingState(last: BenchmarkRecord | null, error: string | null): BenchmarkState {
  return {
    state: last === null ? 'never' : 'done',
    step: null,
    progress: null,
    atMs: last?.atMs ?? null,
    measurements: [...(last?.measurements ?? [])],
    unavailable: [...(last?.unavailable ?? [])],
    error,
  };
}

/** One sentence for people. An error that nobody expected says no more than that: its text may say too much. */
function sentence(error: unknown): string {
  return isAppError(error) ? error.message : 'It failed for a reason that is not known.';
}

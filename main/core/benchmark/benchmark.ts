/** The machine's benchmark: runs it, stores the results with their circumstances, and reports its state. */
import type { AgentState, Measurement } from '../../../shared/api/state.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { GpuProbe, MachineReader } from '../../ports/machine.ts';
import type { EngineDuty } from '../engine/index.ts';
import type { EngineSpeedOptions } from './engine-speed.ts';
import { failureText } from './failure-text.ts';
import { measureMachine } from './measure-machine.ts';
import { type Measured, measuredFrom, type OfferSpeeds, type Served } from './measured.ts';
import { type BenchmarkRecord, type BenchmarkScope, fromRow, RECORD_KIND, toRow } from './record.ts';

export type BenchmarkState = AgentState['machine']['benchmark'];

export interface BenchmarkDependencies {
  readonly gpuProbe: GpuProbe;
  readonly engine: Engine;
  readonly machine: MachineReader;
  readonly store: BenchmarkStore;
  readonly clock: Clock;
  readonly duty: Pick<EngineDuty, 'during' | 'jobBegins' | 'quiet'>;
  /** Percent of time that the owner's intensity setting allows. */
  readonly comfortDutyPercent: () => number;
  /** Keeps jobs away while the model's speed is measured; see {@link EngineSpeedOptions.reserve}. */
  readonly reserve: EngineSpeedOptions['reserve'];
  /** Called with the measurements once they are stored. */
  readonly onMeasured?: (measurements: readonly Measurement[]) => void;
}

export interface Benchmark {
  state(): BenchmarkState;
  /** Calls the listener after each change of {@link state}; returns its unsubscribe. */
  onChange(listener: () => void): () => void;
  /**
   * Measures the machine with the main engine's model, and stores it. Rejects with `busy` while a run is in progress and
   * with `aborted` if it was stopped; any other failure is also in {@link state}.
   */
  run(): Promise<void>;
  /**
   * Measures the speed of this engine's model, and stores it next to the machine's measurements; measures the machine too if
   * it never was. Rejects like {@link run}.
   */
  measureModel(engine: Engine): Promise<void>;
  /** Stops a running benchmark; `reason` is one sentence for the owner. */
  abort(reason: string): void;
  /** True if the last run was stopped by {@link abort}; its state is `failed` then, with the reason. */
  wasStopped(): boolean;
  history(limit: number): { atMs: number; measurements: Measurement[] }[];
  /** Returns the model's newest speed that was measured without other jobs; null if there is none. */
  newest(modelId: string, name: 'prefill' | 'decode'): Measurement | null;
  /** Returns the speeds that an offer may promise for the served model at this duty cycle in percent. */
  speedsAt(served: Served, dutyPercent: number): OfferSpeeds;
}

/** Number of stored benchmarks that are searched for the speeds of an offer, and for the machine's newest benchmark. */
const LOOKBACK = 50;

export function createBenchmark(dependencies: BenchmarkDependencies): Benchmark {
  const { store } = dependencies;
  const listeners = new Set<() => void>();
  let running: AbortController | null = null;
  let stopped = false;
  let state = restingState(store);
  /** Kept in memory, because every read of the models section uses it. */
  let measured = readMeasured(store);

  function change(next: Partial<BenchmarkState>): void {
    state = { ...state, ...next };
    for (const listener of listeners) listener();
  }

  async function measure(scope: BenchmarkScope, engine: Engine): Promise<void> {
    if (running !== null) throw new AppError('busy', 'A benchmark is already running.');
    const controller = new AbortController();
    const { signal } = controller;
    running = controller;
    stopped = false;
    const before = state;
    change({ state: 'running', step: 'inventory', progress: 0, error: null });
    try {
      const record = await measureMachine({ ...dependencies, scope, engine, signal, onStep: change });
      store.insert(toRow(record));
      measured = readMeasured(store);
      running = null;
      dependencies.onMeasured?.(record.measurements);
      change(restingState(store));
    } catch (error) {
      running = null;
      stopped = signal.aborted;
      const failure = signal.aborted ? signal.reason : error;
      // The previous measurements stay valid.
      change({ ...before, state: 'failed', error: failureText(failure, 'The benchmark') });
      throw failure;
    }
  }

  return {
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run: () => measure('machine', dependencies.engine),
    measureModel: (engine) => measure(state.atMs === null ? 'machine' : 'model', engine),
    abort(reason) {
      running?.abort(new AppError('aborted', reason));
    },
    wasStopped: () => stopped,
    history: (limit) => readRecords(store, limit).map(({ atMs, measurements }) => ({ atMs, measurements })),
    newest: (modelId, name) => measured.newest(modelId, name),
    speedsAt: (served, dutyPercent) => measured.speedsAt(served, dutyPercent),
  };
}

function readRecords(store: BenchmarkStore, limit: number): BenchmarkRecord[] {
  return store.list(RECORD_KIND, limit).flatMap((row) => fromRow(row) ?? []);
}

function readMeasured(store: BenchmarkStore): Measured {
  return measuredFrom(readRecords(store, LOOKBACK).map(({ measurements }) => measurements));
}

/** Shows the machine's newest benchmark, with the models that were measured after it. */
function restingState(store: BenchmarkStore): BenchmarkState {
  const records = readRecords(store, LOOKBACK);
  const newest = records.findIndex(({ scope }) => scope === 'machine');
  const last = records[newest] ?? null;
  const later = records.slice(0, Math.max(0, newest)).flatMap(({ measurements }) => measurements);
  return {
    state: last === null ? 'never' : 'done',
    step: null,
    progress: null,
    atMs: last?.atMs ?? null,
    measurements: [...(last?.measurements ?? []), ...later],
    unavailable: [...(last?.unavailable ?? [])],
    error: null,
  };
}

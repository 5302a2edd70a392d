/** Runs the benchmark step by step, keeps its results with their circumstances, and tells who watches. */
import { randomUUID } from 'node:crypto';
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import type { AgentState, Measurement } from '../../../shared/api/state.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { GpuProbe, MachineReader } from '../../ports/machine.ts';
import { measureEngineSpeed } from './engine-speed.ts';
import { type BenchmarkRecord, fromRow, RECORD_KIND, toRow } from './record.ts';

export type BenchmarkState = AgentState['machine']['benchmark'];

export interface BenchmarkDependencies {
  readonly gpuProbe: GpuProbe;
  readonly engine: Engine;
  readonly machine: MachineReader;
  readonly store: BenchmarkStore;
  readonly clock: Clock;
  /** Fewer and shorter runs of the engine; the probe's own haste is set where it is made. */
  readonly quick?: boolean;
  /** Told what was measured once it is kept. */
  readonly onMeasured?: (measurements: readonly Measurement[]) => void;
}

export interface OfferSpeeds {
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
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
  /** The model's newest measurement that was made without other jobs; null before there is one. */
  newest(modelId: string, name: Measurement['name']): Measurement | null;
  /** What an offer may promise: this model's last speeds that were measured without other jobs. */
  offerSpeeds(modelId: string): OfferSpeeds;
}

/** A probe that does not answer (a window that hangs) is given up, and the rest is still measured. */
const PROBE_MS_MAX = 150_000;
/** Share of the whole that the probe takes, for the progress. */
const PROBE_SHARE = 0.6;
/** How far back an offer's speeds are looked for, in benchmarks. */
const OFFER_LOOKBACK = 50;

const THOROUGH = { runs: 5, runsMax: 12, promptWords: 256, decodeTokens: 64 };
const QUICK = { runs: 1, runsMax: 1, promptWords: 16, decodeTokens: 8 };

export function createBenchmark(dependencies: BenchmarkDependencies): Benchmark {
  const { gpuProbe, engine, machine, store, clock } = dependencies;
  const quick = dependencies.quick ?? false;
  const listeners = new Set<() => void>();
  let running: AbortController | null = null;
  let state = restingState(records(1)[0] ?? null, null);
  let undisturbed = readUndisturbed();

  function records(limit: number): BenchmarkRecord[] {
    return store.list(RECORD_KIND, limit).flatMap((row) => fromRow(row) ?? []);
  }

  /** Newest first. Kept at hand, because every reading of the models' section asks for it. */
  function readUndisturbed(): Measurement[] {
    return records(OFFER_LOOKBACK)
      .flatMap(({ measurements }) => measurements)
      .filter(({ conditions }) => conditions.model !== undefined && conditions.otherJobs === undefined);
  }

  function newest(modelId: string, name: Measurement['name']): Measurement | null {
    return undisturbed.find((each) => each.name === name && each.conditions.model === modelId) ?? null;
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
    const effort = quick ? QUICK : THOROUGH;
    let runs = 0;
    const speed = await measureEngineSpeed(engine, {
      ...effort,
      signal,
      now: clock.now,
      // Runs that are repeated because they differed come on top; how many is not known before.
      onRun: () => change({ progress: PROBE_SHARE + (1 - PROBE_SHARE) * Math.min(1, ++runs / effort.runs) }),
    });
    return {
      id: randomUUID(),
      atMs: clock.now(),
      measurements: [...gpu.measurements, ...speed.measurements],
      unavailable: [
        ...gpu.unavailable,
        ...(speed.missing === null ? [] : [{ mode: 'engine', reason: speed.missing }]),
      ],
      circumstances: {
        os: inventory.os,
        devices: inventory.devices.map(({ name }) => name),
        memoryBytes: inventory.memoryBytes,
        physicalCores: inventory.physicalCores,
        cpuLoadPercent: readings.cpuLoadPercent,
        renderer: gpu.renderer,
        quick,
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
        undisturbed = readUndisturbed();
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
    newest,
    offerSpeeds: (modelId) => ({
      prefillTokensPerSecond: newest(modelId, 'prefill')?.value ?? null,
      decodeTokensPerSecond: newest(modelId, 'decode')?.value ?? null,
    }),
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

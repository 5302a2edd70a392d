/**
 * Verifies: a benchmark stores its measurements with their circumstances, stops when the owner returns, and offers use
 * only undisturbed speeds.
 * Setup: fake probe, engine, store and clock.
 * Fails if: an incomplete result is stored, a hanging window blocks forever, or a speed is made up.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBenchmark, joinProbes } from '../../../main/core/benchmark/index.ts';
import { createEngineDuty, type EngineEnd } from '../../../main/core/engine/index.ts';
import type { BenchmarkRow, BenchmarkStore } from '../../../main/ports/benchmark.ts';
import type { GpuProbe, MachineReader } from '../../../main/ports/machine.ts';
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import { type Measurement, machineStateSchema } from '../../../shared/api/state.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_LOAD, FAKE_MODEL } from '../../fakes/engine.ts';

const NOW_MS = 1_800_000_000_000;
const SERVED = { modelId: FAKE_MODEL.id, backend: 'cpu', threads: FAKE_LOAD.threads };

const cpuMeasurement: Measurement = {
  name: 'cpu-arithmetic',
  mode: 'cpu',
  value: 5,
  unit: 'gflops',
  spreadPercent: 1,
  runs: 5,
  conditions: { kernel: 'multiply-add-chain' },
  atMs: NOW_MS,
};
const found: GpuProbeResult = {
  measurements: [cpuMeasurement],
  unavailable: [{ mode: 'webgpu', reason: 'No window.' }],
  renderer: null,
};

const machine: MachineReader = {
  inventory: async () => ({
    hostname: 'attic',
    os: 'Debian 12',
    devices: [{ kind: 'cpu', name: 'EPYC', cores: 2, memoryBytes: null, driver: null }],
    memoryBytes: 2 ** 34,
    physicalCores: 2,
  }),
  readings: async () => ({
    freeMemoryBytes: 1,
    cpuLoadPercent: 3,
    temperatureCelsius: null,
    watts: null,
    atMs: NOW_MS,
  }),
};

function memoryStore(): BenchmarkStore & { rows: BenchmarkRow[] } {
  const rows: BenchmarkRow[] = [];
  return {
    rows,
    insert: (row) => void rows.unshift(row),
    list: (kind, limit) => rows.filter((row) => kind === null || row.kind === kind).slice(0, limit),
  };
}

/** Probe that the test resolves, and that rejects when its signal aborts, as the real ones do. */
function heldProbe(): GpuProbe & { answer(result: GpuProbeResult): void; started: Promise<void> } {
  const start = Promise.withResolvers<void>();
  const held = Promise.withResolvers<GpuProbeResult>();
  return {
    started: start.promise,
    answer: held.resolve,
    run(signal) {
      signal.addEventListener('abort', () => held.reject(new AppError('aborted', 'The probe was stopped.')));
      start.resolve();
      return held.promise;
    },
  };
}

function setUp(
  overrides: {
    gpuProbe?: GpuProbe;
    loaded?: boolean;
    store?: ReturnType<typeof memoryStore>;
    change?: (end: EngineEnd) => EngineEnd;
  } = {},
) {
  const clock = manualClock(NOW_MS);
  const store = overrides.store ?? memoryStore();
  const fake = createFakeEngine(overrides.loaded === false ? {} : { loaded: FAKE_LOAD });
  const { change } = overrides;
  const engine: typeof fake = {
    ...fake,
    async *generate(request, signal) {
      for await (const event of fake.generate(request, signal)) {
        yield event.type === 'end' && change !== undefined ? change(event) : event;
      }
    },
  };
  const gpuProbe = overrides.gpuProbe ?? { run: async () => found };
  const duty = createEngineDuty(engine);
  const comfortDutyPercent = () => 100;
  const reserve = async () => () => {};
  const benchmark = createBenchmark({
    ...{ gpuProbe, engine, machine, store, clock, duty, comfortDutyPercent, reserve },
  });
  return { benchmark, clock, store, engine };
}

describe('benchmark', () => {
  it('stores measurements with date and circumstances, and the next agent reads them', async () => {
    const { benchmark, store } = setUp();
    assert.equal(benchmark.state().state, 'never');
    await benchmark.run();
    const state = machineStateSchema.shape.benchmark.parse(benchmark.state());
    assert.equal(state.state, 'done');
    assert.equal(state.atMs, NOW_MS);
    assert.deepEqual(
      state.measurements.map(({ name }) => name),
      ['cpu-arithmetic', 'prefill', 'decode', 'prefill', 'decode', 'prefill', 'decode'],
    );
    assert.deepEqual(state.unavailable, found.unavailable);
    const decode = state.measurements.find(({ name }) => name === 'decode');
    assert.equal(decode?.conditions.model, FAKE_MODEL.id);
    assert.equal(decode?.runs, 5);
    assert.match(store.rows[0]?.conditions ?? '', /Debian 12.*EPYC/);

    const next = setUp({ store }).benchmark;
    assert.deepEqual(next.state(), benchmark.state());
    assert.equal(next.history(10).length, 1);
    assert.deepEqual(next.speedsAt(SERVED, 100), {
      prefillTokensPerSecond: state.measurements[1]?.value,
      decodeTokensPerSecond: decode?.value,
    });
    assert.equal(next.newest(FAKE_MODEL.id, 'decode')?.value, decode?.value);
  });

  it('measures a further model without the machine’s probe, and shows both', async () => {
    let probes = 0;
    const gpuProbe: GpuProbe = {
      run: async () => {
        probes += 1;
        return found;
      },
    };
    const { benchmark, store, engine } = setUp({ gpuProbe });
    await benchmark.measureModel(engine);
    assert.equal(probes, 1, 'a machine that was never measured is measured with its first model');
    const whole = benchmark.state();
    await benchmark.measureModel(engine);
    assert.equal(probes, 1);
    const { measurements, unavailable, atMs } = benchmark.state();
    assert.deepEqual(
      measurements.slice(whole.measurements.length).map(({ name, conditions }) => [name, conditions.streams]),
      [
        ['prefill', 1],
        ['decode', 1],
      ],
    );
    assert.deepEqual(measurements.slice(0, whole.measurements.length), whole.measurements);
    assert.deepEqual([unavailable, atMs], [whole.unavailable, whole.atMs]);
    assert.deepEqual(setUp({ store }).benchmark.state(), benchmark.state(), 'the next start shows the same');
  });

  it('reports its steps, and its progress only increases', async () => {
    const { benchmark } = setUp();
    const seen: { step: string | null; progress: number | null }[] = [];
    const stop = benchmark.onChange(() => {
      const { step, progress } = benchmark.state();
      seen.push({ step, progress });
    });
    await benchmark.run();
    const steps = [...new Set(seen.map(({ step }) => step))];
    assert.deepEqual(steps, ['inventory', 'graphics-and-processor', 'engine', null]);
    const progress = seen.flatMap((one) => one.progress ?? []);
    assert.deepEqual(
      progress,
      [...progress].sort((left, right) => left - right),
    );
    assert.equal(progress.at(-1), 1);
    stop();
    const before = seen.length;
    await benchmark.run();
    assert.equal(seen.length, before);
  });
});

describe('stopping a benchmark', () => {
  it('stops when the owner returns and stores no incomplete result', async () => {
    const gpuProbe = heldProbe();
    const { benchmark, store } = setUp({ gpuProbe });
    const running = benchmark.run();
    await gpuProbe.started;
    await assert.rejects(benchmark.run(), (error) => isAppError(error, 'busy'));
    benchmark.abort('You are back: the benchmark was stopped.');
    await assert.rejects(running, (error) => isAppError(error, 'aborted'));
    assert.equal(benchmark.state().state, 'failed');
    assert.equal(benchmark.state().error, 'You are back: the benchmark was stopped.');
    assert.equal(store.rows.length, 0);
    assert.equal(benchmark.wasStopped(), true);
    benchmark.abort('No benchmark is running.');
    assert.equal(benchmark.state().error, 'You are back: the benchmark was stopped.');
  });

  it('stops during the engine measurement', async () => {
    const { benchmark, store } = setUp();
    benchmark.onChange(() => {
      if (benchmark.state().step === 'engine') benchmark.abort('You are back.');
    });
    await assert.rejects(benchmark.run(), (error) => isAppError(error, 'aborted'));
    assert.equal(store.rows.length, 0);
  });

  it('keeps the last result after a run that was stopped', async () => {
    const store = memoryStore();
    await setUp({ store }).benchmark.run();
    const gpuProbe = heldProbe();
    const { benchmark } = setUp({ store, gpuProbe });
    const running = benchmark.run();
    await gpuProbe.started;
    benchmark.abort('Stopped.');
    await assert.rejects(running);
    assert.equal(benchmark.state().state, 'failed');
    assert.equal(benchmark.state().measurements.length, 7);
    assert.equal(benchmark.state().progress, null);
  });
});

describe('failures of a benchmark', () => {
  it('measures the rest if the probe hangs or fails', async () => {
    const hanging = heldProbe();
    const { benchmark, clock } = setUp({ gpuProbe: hanging });
    const running = benchmark.run();
    await hanging.started;
    clock.advance(200_000);
    await running;
    assert.deepEqual(benchmark.state().unavailable, [
      { mode: 'gpu.js', reason: 'The probe did not respond within 150 s.' },
    ]);
    assert.equal(benchmark.state().measurements.length, 6);

    const failing = { run: () => Promise.reject(new TypeError('secret path')) };
    const other = setUp({ gpuProbe: failing }).benchmark;
    await other.run();
    assert.equal(other.state().state, 'done');
    assert.doesNotMatch(JSON.stringify(other.state()), /secret/);
  });

  it('does not wait for a probe that ignores its signal', async () => {
    const start = Promise.withResolvers<void>();
    const ignoring: GpuProbe = {
      run() {
        start.resolve();
        return new Promise(() => undefined);
      },
    };
    const { benchmark } = setUp({ gpuProbe: ignoring });
    const running = benchmark.run();
    await start.promise;
    benchmark.abort('You are back.');
    await assert.rejects(running, (error) => isAppError(error, 'aborted'));
  });

  it('reports that no model is loaded instead of a speed', async () => {
    const { benchmark } = setUp({ loaded: false });
    await benchmark.run();
    assert.deepEqual(benchmark.state().unavailable.at(-1), { mode: 'engine', reason: 'No model is loaded.' });
    assert.equal(benchmark.speedsAt(SERVED, 100).decodeTokensPerSecond, null);
  });
});

describe('disturbed benchmarks and unreadable rows', () => {
  it('offers no speed that was measured alongside other jobs', async () => {
    const { benchmark, engine } = setUp();
    const job = new AbortController();
    const request = {
      prompt: { kind: 'text' as const, text: 'a long job' },
      maxTokens: 400,
      temperature: 0,
      topP: 1,
      seed: null,
      stop: [],
    };
    const other = engine.generate(request, job.signal)[Symbol.asyncIterator]();
    await other.next();
    await benchmark.run();
    await other.return?.(undefined);
    const decode = benchmark.state().measurements.find(({ name }) => name === 'decode');
    assert.equal(decode?.conditions.otherJobs, 1);
    assert.equal(benchmark.speedsAt(SERVED, 100).decodeTokensPerSecond, null);
  });

  it('repeats differing runs up to a limit, and reports disturbance by other programs', async () => {
    let run = 0;
    const { benchmark } = setUp({
      /** Every second run takes twice as much wall time; each takes 2 ms of CPU time. */
      change: (end) => {
        const slow = ++run % 2 === 0 ? 4 : 2;
        return { ...end, prefillMs: slow, decodeMs: slow, cpu: { prefillMs: 1, decodeMs: 1 } };
      },
    });
    await benchmark.run();
    const decode = benchmark.state().measurements.find(({ name }) => name === 'decode');
    assert.equal(decode?.runs, 12);
    assert.equal(decode?.conditions.disturbed, true);

    const quiet = setUp({ change: (end) => ({ ...end, cpu: { prefillMs: 1, decodeMs: 1 } }) }).benchmark;
    await quiet.run();
    const calm = quiet.state().measurements.find(({ name }) => name === 'decode');
    assert.equal(calm?.runs, 5);
    assert.equal(calm?.conditions.disturbed, undefined);
  });

  it('ignores stored rows in an unknown format', () => {
    const store = memoryStore();
    store.insert({ id: 'old', atMs: 1, kind: 'machine', conditions: '{}', result: '{"v":0}' });
    store.insert({ id: 'broken', atMs: 2, kind: 'machine', conditions: '{', result: '' });
    const { benchmark } = setUp({ store });
    assert.equal(benchmark.state().state, 'never');
    assert.deepEqual(benchmark.history(5), []);
  });
});

describe('joined probes', () => {
  const signal = new AbortController().signal;
  const worker: GpuProbe = { run: async () => found };
  const gpu: Measurement = { ...cpuMeasurement, name: 'gpu-arithmetic', mode: 'webgpu' };

  it('take the result of the window for its modes', async () => {
    const window = { run: async () => ({ measurements: [gpu], unavailable: [], renderer: 'RTX' }) };
    assert.deepEqual(await joinProbes(window, worker).run(signal), {
      measurements: [gpu, cpuMeasurement],
      unavailable: [],
      renderer: 'RTX',
    });
  });

  it('still run the worker process if the window fails', async () => {
    const window = { run: () => Promise.reject(new AppError('unsupported', 'The window did not open.')) };
    const result = await joinProbes(window, worker).run(signal);
    assert.deepEqual(result.measurements, [cpuMeasurement]);
    assert.deepEqual(result.unavailable, [
      { mode: 'webgpu', reason: 'The window did not open.' },
      { mode: 'webgl2', reason: 'The window did not open.' },
    ]);
  });

  it('stop with their signal', async () => {
    const owner = new AbortController();
    const window = heldProbe();
    const running = joinProbes(window, { run: () => assert.fail('the worker process must not start') }).run(
      owner.signal,
    );
    await window.started;
    owner.abort();
    await assert.rejects(running, (error) => isAppError(error, 'aborted'));
  });
});

/**
 * Verifies: the probe measures only the passes on the device, and checks its results.
 * Setup: a fake gpu.js with a clock that only its own work advances.
 * Fails if: copying counts as computing, a wrong kernel or a software renderer is presented as a GPU, or a missing mode
 * is not reported.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { gpuProbeSchema } from '../../../shared/api/contract.ts';
import { type GpuInstance, type ProbeHost, probeModes } from '../../../shared/gpu-kernels/index.ts';
import {
  arithmetic,
  bandwidth,
  expectedSamples,
  fillSource,
  sampleSource,
} from '../../../shared/gpu-kernels/kernels.ts';

interface FakeDevice {
  /** Time to start a chain and read it back, independent of its length. */
  readonly overheadMs: number;
  /** Time of one pass over a square of side 256; grows with the area. */
  readonly passMs: number;
  readonly backend?: string;
  /** Makes the first sampled cell wrong. */
  readonly wrong?: boolean;
  /** Until then, other programs interrupt each start for as long as all passes of a chain take. */
  readonly busyUntilMs?: number;
}

/** A handle counts its passes. */
type Handle = { passes: number; whole: boolean };

function fakeHost(device: FakeDevice, host: Partial<ProbeHost> = {}): ProbeHost {
  let nowMs = 0;
  const createGpu = (mode: string): GpuInstance => {
    let side = 0;
    let workload = arithmetic;
    return {
      createKernel(source, settings) {
        if (source === fillSource) return () => ({ passes: 0, whole: true });
        if (source === sampleSource) return (handle) => ({ ...(handle as Handle), whole: false });
        workload = source === bandwidth.source ? bandwidth : arithmetic;
        side = (settings as { output: number[] }).output[0] ?? 0;
        return (handle) => ({ passes: (handle as Handle).passes + 1, whole: true });
      },
      createPipeline(plan) {
        const [ran, area, kind] = [plan() as Handle, side ** 2, workload];
        const run = async () => {
          const isBusy = nowMs < (device.busyUntilMs ?? 0);
          nowMs += device.overheadMs + (isBusy ? 500 : (ran.passes * device.passMs * area) / 256 ** 2);
          if (ran.whole) return [];
          const samples = expectedSamples(kind, Math.sqrt(area), ran.passes);
          if (device.wrong) samples[0] = 42;
          return samples;
        };
        const backend = device.backend ?? (mode === 'webgl2' ? 'gpu' : mode);
        return Object.assign(run, {
          backend,
          fallbackReason: device.backend === undefined ? null : 'no float textures',
          executorKind: 'generic',
          destroy: async () => undefined,
        });
      },
      destroy: async () => undefined,
    };
  };
  return {
    createGpu,
    modes: ['webgl2'],
    missing: async () => null,
    renderer: async () => null,
    monotonic: () => nowMs,
    now: () => 1_000,
    threads: null,
    quick: false,
    ...host,
  };
}

describe('gpu.js probe', () => {
  it('measures the speed of the passes, independent of the cost of starting and reading back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.05, max: 40, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        async (passMs, overheadMs) => {
          const result = gpuProbeSchema.parse(await probeModes(fakeHost({ passMs, overheadMs })));
          const [flops, bytes] = result.measurements;
          const cellsPerMs = 256 ** 2 / passMs;
          assert.ok(flops && bytes);
          const close = (actual: number, expected: number) =>
            assert.ok(Math.abs(actual / expected - 1) < 1e-6, `${actual} is not ${expected}`);
          close(flops.value, (cellsPerMs * arithmetic.perCell) / 1e6);
          close(bytes.value, (cellsPerMs * bandwidth.perCell) / 1e6);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('measures a fast device on a larger square than a slow one', async () => {
    const side = async (passMs: number) =>
      (await probeModes(fakeHost({ passMs, overheadMs: 1 }))).measurements[0]?.conditions.side;
    assert.equal(await side(50), 256);
    assert.equal(await side(0.05), 2048);
  });

  it('limits CPU modes to squares of a bearable size', async () => {
    const host = fakeHost({ passMs: 0.01, overheadMs: 1 }, { modes: ['cpu'] });
    const { measurements } = await probeModes(host);
    assert.deepEqual(
      measurements.map(({ name, conditions }) => [name, conditions.side]),
      [
        ['cpu-arithmetic', 2048],
        ['cpu-bandwidth', 2048],
      ],
    );
  });
});

describe('gpu.js probe, where something is wrong', () => {
  it('keeps trying on a machine that is busy, though not for ever', async () => {
    const device = { passMs: 1, overheadMs: 0 };
    const { measurements } = await probeModes(fakeHost({ ...device, busyUntilMs: 10_000 }));
    assert.deepEqual(
      measurements.map(({ runs }) => runs >= 1),
      [true, true],
    );
    const { unavailable } = await probeModes(fakeHost({ ...device, busyUntilMs: 1e9 }));
    assert.match(unavailable[0]?.reason ?? '', /too unsteady/);
  });

  it('rejects a mode that computes wrong results', async () => {
    const result = await probeModes(fakeHost({ passMs: 1, overheadMs: 1, wrong: true }));
    assert.deepEqual(result.measurements, []);
    assert.match(result.unavailable[0]?.reason ?? '', /Wrong result: 42/);
  });

  it('rejects a silent fallback to another mode', async () => {
    const result = await probeModes(fakeHost({ passMs: 1, overheadMs: 1, backend: 'cpu' }));
    assert.deepEqual(result.unavailable, [
      { mode: 'webgl2', reason: 'gpu.js fell back to cpu (no float textures).' },
    ]);
  });

  it('records a software renderer and counts it as CPU', async () => {
    const measured = async (renderer: string) =>
      (await probeModes(fakeHost({ passMs: 1, overheadMs: 1 }, { renderer: async () => renderer })))
        .measurements;
    const software = 'ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)';
    for (const { name, conditions } of await measured(software)) {
      assert.match(name, /^cpu-/);
      assert.equal(conditions.softwareRenderer, true);
      assert.equal(conditions.renderer, software);
    }
    for (const { name, conditions } of await measured('NVIDIA GeForce RTX 4070')) {
      assert.match(name, /^gpu-/);
      assert.equal(conditions.softwareRenderer, undefined);
    }
  });

  it('continues after a mode that is missing or fails, and reports the reasons', async () => {
    const good = fakeHost({ passMs: 1, overheadMs: 1 });
    const result = await probeModes({
      ...good,
      modes: ['webgpu', 'webgl2', 'cpu'],
      missing: async (mode) => (mode === 'webgpu' ? 'No adapter.' : null),
      createGpu: (mode) => {
        if (mode === 'webgl2') throw new Error('context lost\nat a stack');
        return good.createGpu(mode);
      },
    });
    assert.deepEqual(result.unavailable, [
      { mode: 'webgpu', reason: 'No adapter.' },
      { mode: 'webgl2', reason: 'context lost' },
    ]);
    assert.deepEqual(new Set(result.measurements.map(({ mode }) => mode)), new Set(['cpu']));
  });
});

describe('kernels', () => {
  it('compute the same results as the reference', () => {
    for (const workload of [arithmetic, bandwidth]) {
      // Runs the kernel as plain JavaScript, whose results gpu.js must reproduce on any device.
      const kernel: (this: object, previous: number[][], fixed: number[][]) => number = new Function(
        `return ${workload.source}`,
      )();
      fc.assert(
        fc.property(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.double({ min: 0, max: 1, noNaN: true }),
          (previous, fixed) => {
            const cell = kernel.call({ thread: { x: 0, y: 0 } }, [[previous]], [[fixed]]);
            assert.ok(Math.abs(cell - workload.pass(previous, fixed)) < 1e-9);
          },
        ),
      );
    }
  });
});

/**
 * Measures arithmetic and memory bandwidth with gpu.js, in the desktop's hidden window or the agent's worker process.
 * gpu.js and the clocks are passed in, so that this module depends on neither.
 */
import type { GpuProbeResult } from '../api/contract.ts';
import type { Measurement } from '../api/state.ts';
import { median, spreadPercent } from '../statistics.ts';
import {
  arithmetic,
  bandwidth,
  expectedSamples,
  fillScale,
  fillSource,
  SAMPLES,
  sampleSource,
  type Workload,
  wrongSample,
} from './kernels.ts';

/** gpu.js modes, fastest kind first. */
export const PROBE_MODES = ['webgpu', 'webgl2', 'webasm', 'cpu'] as const;
/** Modes that are available only in a browser window. */
export const WINDOW_MODES = ['webgpu', 'webgl2'] as const satisfies readonly ProbeMode[];
export type ProbeMode = (typeof PROBE_MODES)[number];

/** A compiled chain of kernels. Calling it runs it on the device and resolves to the values read back. */
export interface ChainRun {
  (): Promise<unknown>;
  /** The mode that actually computed; `fallbackReason` is the reason if it is not the requested one. */
  readonly backend: string | null;
  readonly fallbackReason: string | null;
  readonly executorKind: string;
  destroy(): Promise<void>;
}

/** The used part of gpu.js's `GPU`. Inside a chain, kernels take and return opaque handles. */
export interface GpuInstance {
  createKernel(source: string, settings: object): (...handles: unknown[]) => unknown;
  createPipeline(plan: () => unknown): ChainRun;
  destroy(): Promise<void>;
}

export interface ProbeHost {
  readonly createGpu: (mode: ProbeMode) => GpuInstance;
  readonly modes: readonly ProbeMode[];
  /** Resolves to one sentence why the mode is missing here; null if it is available. */
  readonly missing: (mode: ProbeMode) => Promise<string | null>;
  /** Resolves to the renderer of `webgpu` and `webgl2` as named by the driver; null if unknown. */
  readonly renderer: (mode: ProbeMode) => Promise<string | null>;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Threads that `webasm` may use; null if unknown. */
  readonly threads: number | null;
  /** Small squares and few runs, for tests and demonstrations. */
  readonly quick: boolean;
}

interface Effort {
  /** Time for one measurement, including its preparation. */
  readonly budgetMs: number;
  /** Length of a chain; long enough that starting and reading back hardly matter. */
  readonly chainMs: number;
  readonly runsMin: number;
  readonly runsMax: number;
  /** Spread below which no further run is made. */
  readonly spreadPercentGoal: number;
  /** Maximum number of a workload's sides to try. */
  readonly sides: number;
}

const THOROUGH: Effort = {
  budgetMs: 4500,
  chainMs: 120,
  runsMin: 5,
  runsMax: 25,
  spreadPercentGoal: 3,
  sides: Number.POSITIVE_INFINITY,
};
const QUICK: Effort = {
  budgetMs: 500,
  chainMs: 20,
  runsMin: 3,
  runsMax: 3,
  spreadPercentGoal: 100,
  sides: 1,
};

/** On a busy machine the first good run may take this many times the budget. */
const BUDGETS_MAX = 4;
/** Maximum passes of one chain, because gpu.js unrolls them into its plan. */
const PASSES_MAX = 256;
/** A shorter pass does not fill the device; a larger square is used then. */
const PASS_MS_MIN = 8;

/** Three squares of this side are 48 MiB: larger than most caches, and bearable in the agent's worker process. */
const PROCESSOR_SIDE_MAX = 2048;

const SOFTWARE = /swiftshader|llvmpipe|softpipe|lavapipe|software|basic render|warp\b/i;

/** Returns whether the name is that of a renderer that runs on the CPU. */
export const isSoftwareRenderer = (renderer: string | null): boolean =>
  renderer !== null && SOFTWARE.test(renderer);

/** A mode that is present but unusable: it computes wrong results or none. */
class ModeFailure extends Error {}

/** Measures each mode in turn. A mode that fails is listed in `unavailable` and never causes an error. */
export async function probeModes(host: ProbeHost): Promise<GpuProbeResult> {
  const measurements: Measurement[] = [];
  const unavailable: { mode: string; reason: string }[] = [];
  let named: string | null = null;
  for (const mode of host.modes) {
    const reason = await host.missing(mode).catch(sentence);
    if (reason !== null) {
      unavailable.push({ mode, reason });
      continue;
    }
    const renderer = await host.renderer(mode).catch(() => null);
    named ??= renderer;
    try {
      measurements.push(...(await probeMode(host, mode, renderer)));
    } catch (error) {
      unavailable.push({ mode, reason: sentence(error) });
    }
  }
  return { measurements, unavailable, renderer: named };
}

async function probeMode(host: ProbeHost, mode: ProbeMode, renderer: string | null): Promise<Measurement[]> {
  const gpu = host.createGpu(mode);
  try {
    return [
      await measure(host, gpu, mode, renderer, arithmetic),
      await measure(host, gpu, mode, renderer, bandwidth),
    ];
  } finally {
    // The measurements stay valid even if the device fails to free its memory.
    await gpu.destroy().catch(() => undefined);
  }
}

async function measure(
  host: ProbeHost,
  gpu: GpuInstance,
  mode: ProbeMode,
  renderer: string | null,
  workload: Workload,
): Promise<Measurement> {
  const effort = host.quick ? QUICK : THOROUGH;
  const startedMs = host.monotonic();
  const bench = await prepare(host, gpu, mode, workload, effort);
  const values: number[] = [];
  try {
    while (values.length < effort.runsMax) {
      const spread = spreadPercent(values);
      const enough = values.length >= effort.runsMin && spread !== null && spread <= effort.spreadPercentGoal;
      if (enough || (values.length > 0 && host.monotonic() - startedMs > effort.budgetMs)) break;
      // Both chains start and read back once, so that their difference consists of passes only.
      const shortMs = await timed(host, bench.short);
      const longMs = await timed(host, bench.long);
      const perSecond = (workload.perCell * bench.side ** 2 * (bench.passes - 1) * 1000) / (longMs - shortMs);
      if (perSecond > 0 && Number.isFinite(perSecond)) values.push(perSecond / 1e9);
      else if (host.monotonic() - startedMs > effort.budgetMs * BUDGETS_MAX) break;
    }
    const value = median(values);
    if (value === null) throw new ModeFailure('The runs were too fast or too unsteady to be measured.');
    const software = isSoftwareRenderer(renderer);
    const processor = mode === 'webasm' || mode === 'cpu' || software ? 'cpu' : 'gpu';
    return {
      name: `${processor}-${workload === arithmetic ? 'arithmetic' : 'bandwidth'}`,
      mode,
      value,
      unit: workload.unit,
      spreadPercent: spreadPercent(values),
      runs: values.length,
      conditions: {
        kernel: workload.name,
        side: bench.side,
        passes: bench.passes,
        executor: bench.long.executorKind,
        quick: host.quick,
        ...(workload === bandwidth ? await copying(host, gpu, workload, bench) : {}),
        ...(renderer === null ? {} : { renderer }),
        ...(software ? { softwareRenderer: true } : {}),
        ...(mode === 'webasm' && host.threads !== null ? { threads: host.threads } : {}),
      },
      atMs: host.now(),
    };
  } finally {
    await Promise.allSettled([bench.short.destroy(), bench.long.destroy()]);
  }
}

interface Bench {
  readonly side: number;
  /** Passes of the long chain; the short one has a single pass. */
  readonly passes: number;
  readonly short: ChainRun;
  readonly long: ChainRun;
}

/** Finds the side and the number of passes that fill the device, and checks the results. */
async function prepare(
  host: ProbeHost,
  gpu: GpuInstance,
  mode: ProbeMode,
  workload: Workload,
  effort: Effort,
): Promise<Bench> {
  const sides = workload.sides
    .filter((side) => side <= (mode === 'webasm' || mode === 'cpu' ? PROCESSOR_SIDE_MAX : side))
    .slice(0, effort.sides);
  for (const [index, side] of sides.entries()) {
    const short = buildChain(gpu, workload, side, 1);
    const probe = buildChain(gpu, workload, side, 3);
    await check(short, mode, expectedSamples(workload, side, 1));
    await check(probe, mode, expectedSamples(workload, side, 3));
    const shortMs = await timed(host, short);
    const passMs = Math.max(((await timed(host, probe)) - shortMs) / 2, 0.02);
    await probe.destroy();
    if (passMs < PASS_MS_MIN && index < sides.length - 1) {
      await short.destroy();
      continue;
    }
    const passes = 1 + Math.min(PASSES_MAX, Math.max(2, Math.ceil(effort.chainMs / passMs)));
    const long = buildChain(gpu, workload, side, passes);
    await check(long, mode, expectedSamples(workload, side, passes));
    return { side, passes, short, long };
  }
  throw new ModeFailure('No square size to measure.');
}

function buildChain(gpu: GpuInstance, workload: Workload, side: number, passes: number): ChainRun {
  const square = { output: [side, side], precision: 'single' };
  const fill = gpu.createKernel(fillSource, { ...square, constants: { scale: fillScale(side) } });
  const pass = gpu.createKernel(workload.source, square);
  const sample = gpu.createKernel(sampleSource, {
    output: [SAMPLES],
    precision: 'single',
    constants: { stride: side / SAMPLES },
  });
  return gpu.createPipeline(() => {
    const fixed = fill();
    let value = fixed;
    for (let step = 0; step < passes; step++) value = pass(value, fixed);
    return sample(value);
  });
}

/** Runs a chain once, which also compiles it, and rejects wrong results and silent fallbacks. */
async function check(chain: ChainRun, mode: ProbeMode, expected: readonly number[]): Promise<void> {
  const result = await chain();
  // gpu.js calls all its WebGL kernels `gpu`.
  if (chain.backend !== (mode === 'webgl2' ? 'gpu' : mode)) {
    const why = chain.fallbackReason === null ? '' : ` (${chain.fallbackReason})`;
    throw new ModeFailure(`gpu.js fell back to ${chain.backend ?? 'nothing'}${why}.`);
  }
  const cells = result as ArrayLike<number>;
  const wrong = wrongSample(cells, expected);
  if (wrong !== null) {
    throw new ModeFailure(`Wrong result: ${cells[wrong]} instead of ${expected[wrong]}.`);
  }
}

/** Measures the time to copy a whole square from the device, separately from the main measurement. */
async function copying(
  host: ProbeHost,
  gpu: GpuInstance,
  workload: Workload,
  bench: Bench,
): Promise<Record<string, number>> {
  const square = { output: [bench.side, bench.side], precision: 'single' };
  const fill = gpu.createKernel(fillSource, { ...square, constants: { scale: fillScale(bench.side) } });
  const pass = gpu.createKernel(workload.source, square);
  const whole = gpu.createPipeline(() => {
    const fixed = fill();
    return pass(fixed, fixed);
  });
  try {
    await whole();
    const copyOutMs = (await timed(host, whole)) - (await timed(host, bench.short));
    return copyOutMs > 0 ? { copyOutMs: Math.round(copyOutMs * 10) / 10 } : {};
  } finally {
    await whole.destroy().catch(() => undefined);
  }
}

async function timed(host: ProbeHost, chain: ChainRun): Promise<number> {
  const startMs = host.monotonic();
  await chain();
  return host.monotonic() - startMs;
}

/** Returns one sentence for people for any thrown value. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 300) || 'The mode failed without an error message.';
}

/**
 * Measures the engine's prefill and decode speed on the loaded model, by streams and context: at full speed, at the
 * duty cycle of the owner's intensity, and throttled. Each case is repeated until the runs agree.
 */
import type { Measurement } from '../../../shared/api/state.ts';
import { AppError } from '../../../shared/errors.ts';
import { median, spreadPercent } from '../../../shared/statistics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, LoadedModel } from '../../ports/engine.ts';
import { type EngineDuty, type EngineSpeed, measureEngine } from '../engine/index.ts';
import { casesFor, type EngineCase, type EngineSize, type Pace, sizeOf } from './engine-cases.ts';
import type { BenchmarkScope } from './record.ts';

export interface EngineSpeedOptions {
  /** `model` measures only the cases that offers rest on. */
  readonly scope: BenchmarkScope;
  readonly signal: AbortSignal;
  readonly duty: Pick<EngineDuty, 'during' | 'jobBegins' | 'quiet'>;
  /** Percent of time that the owner's intensity allows. */
  readonly comfortDutyPercent: number;
  readonly clock: Clock;
  /**
   * Keeps jobs away from the engine and resolves when none is running, with the function that lets them in again.
   * Without it a provider that always has jobs would never learn its speed.
   */
  readonly reserve: (signal: AbortSignal) => Promise<() => void>;
  /** Called after each run with the share that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

export interface EngineSpeeds {
  /** The model's speed (one stream at full speed) comes first. */
  readonly measurements: readonly Measurement[];
  readonly unavailable: readonly { readonly mode: string; readonly reason: string }[];
}

/** Spread in percent up to which no further run is needed. */
const SPREAD_SMALL = 5;
/** Ratio of wall time to CPU time above which other programs disturbed a measurement on the CPU. */
export const DISTURBED_RATIO = 1.2;
/** Approximate delay of a rest after a token, because Node's timers count whole milliseconds. */
const TIMER_LATE_MS = 1;
/** Time for which the runs of one case give way to jobs. */
const PATIENCE_MS = 60_000;
/** The first run reads the file's pages into memory and compiles GPU kernels. */
const WARM_UP = { promptWords: 8, decodeTokens: 2 };
const TRIAL = { promptWords: 32, decodeTokens: 8 };
/** Used if the trial yields nothing: prompts and responses are not shortened. */
const NO_PACE: Pace = {
  prefillTokensPerSecond: Number.POSITIVE_INFINITY,
  decodeTokensPerSecond: Number.POSITIVE_INFINITY,
  tokensPerWord: 1,
};

/**
 * Measures every case that this machine can finish in time; lists the others with a reason. The conditions contain
 * `otherJobs` if the engine ran other jobs at the same time: such a speed is shown but never offered. They contain
 * `disturbed` if other programs took a substantial part of the CPU time during a measurement on the CPU (with a GPU the
 * CPU only waits). The engine's duty cycle is always restored.
 */
export async function measureEngineSpeeds(
  engine: Engine,
  options: EngineSpeedOptions,
): Promise<EngineSpeeds> {
  const status = engine.status();
  if (status.state !== 'ready') return { measurements: [], unavailable: [missing('No model is loaded.')] };
  const { loaded } = status;
  const cases = casesFor(options.scope, loaded.sequences, options.comfortDutyPercent);
  const measurements: Measurement[] = [];
  const unavailable: EngineSpeeds['unavailable'][number][] = [];
  const todo: { each: EngineCase; size: EngineSize }[] = [];
  const measureNext = async (index: number) => {
    const next = todo[index];
    if (next === undefined) return;
    const { each, size } = next;
    const onRun = (share: number) => options.onProgress((index + share) / todo.length);
    const found = await options.duty.during(each.dutyPercent, () =>
      measureCase(engine, { ...options, loaded, each, size, onRun }),
    );
    if (found.length === 0)
      unavailable.push(missing('The model ended its response too early for a measurement.', each));
    measurements.push(...found);
  };
  // Only the model's speed needs the machine for itself: offers and forecasts rest on it.
  const release = await options.reserve(options.signal);
  try {
    const pace = await options.duty.during(100, () => estimatePace(engine, options.signal));
    for (const [index, each] of cases.entries()) {
      const size = sizeOf(each, loaded.contextTokens, pace, index === 0);
      if (typeof size === 'object') todo.push({ each, size });
      else if (size === 'too-slow') {
        unavailable.push(missing('The measurement would take too long on this machine.', each));
      }
    }
    await measureNext(0);
  } finally {
    release();
  }
  for (let index = 1; index < todo.length; index += 1) await measureNext(index);
  return { measurements, unavailable };
}

function missing(reason: string, each?: EngineCase): EngineSpeeds['unavailable'][number] {
  if (each === undefined) return { mode: 'engine', reason };
  const { streams, context, dutyPercent } = each;
  return { mode: `engine, ${streams} × ${context} context, ${dutyPercent}%`, reason };
}

/** Estimates the speed of the loaded model, to choose the size of the cases. */
async function estimatePace(engine: Engine, signal: AbortSignal): Promise<Pace> {
  await measureEngine(engine, { ...WARM_UP, signal });
  const { prefillTokensPerSecond, decodeTokensPerSecond, end } = await measureEngine(engine, {
    ...TRIAL,
    signal,
  });
  stopIfAborted(signal);
  if (prefillTokensPerSecond === null || decodeTokensPerSecond === null || end === null) return NO_PACE;
  const tokensPerWord = end.inputTokens / TRIAL.promptWords;
  return { prefillTokensPerSecond, decodeTokensPerSecond, tokensPerWord };
}

interface CaseOptions extends EngineSpeedOptions {
  readonly loaded: LoadedModel;
  readonly each: EngineCase;
  readonly size: EngineSize;
  /** Called after each run with the share of the expected runs that is done, 0 to 1. */
  readonly onRun: (share: number) => void;
}

/** Returns up to two measurements. */
async function measureCase(engine: Engine, options: CaseOptions): Promise<Measurement[]> {
  const { loaded, each, size, signal, clock } = options;
  const { streams, context, dutyPercent } = each;
  let untilMs = clock.monotonic() + each.budgetMs;
  const patience = createPatience(options);
  const speeds: EngineSpeed[] = [];
  let otherJobs = 0;
  /** The same, of the current run: one that gives way to a job doesn't count. */
  let othersInRun = 0;
  const unsubscribe = engine.onStatus(() => {
    othersInRun = Math.max(othersInRun, othersNow(engine, streams));
  });
  try {
    while (isWorthARun(each, speeds) && (speeds.length === 0 || clock.monotonic() < untilMs)) {
      const run = await patience.run((undisturbed) => {
        othersInRun = othersNow(engine, 0);
        return measureEngine(engine, { ...size, streams, signal: undisturbed });
      });
      stopIfAborted(signal);
      untilMs += run.lostMs;
      const after = engine.status();
      if (after.state !== 'ready' || after.loaded !== loaded) {
        throw new AppError(
          'model-unavailable',
          'Another model was loaded during the measurement. Nothing was stored.',
        );
      }
      speeds.push(run.result);
      otherJobs = Math.max(otherJobs, othersInRun, othersNow(engine, 0));
      // Extra runs for differing results are not counted, because their number is unknown beforehand.
      options.onRun(Math.min(1, speeds.length / each.runs));
    }
  } finally {
    unsubscribe();
  }
  const { model, quantisation, threads, contextTokens, sequences, backend } = loaded;
  const promptTokens = median(speeds.flatMap(({ end }) => end?.inputTokens ?? []));
  const conditions = {
    model: model.id,
    quantisation,
    ...(threads === null ? {} : { threads }),
    contextTokens,
    sequences,
    streams,
    context,
    ...(promptTokens === null ? {} : { promptTokens }),
    ...size,
    dutyPercent,
    comfortDutyPercent: options.comfortDutyPercent,
    ...(otherJobs > 0 ? { otherJobs } : {}),
    ...(backend === 'cpu' && threads !== null && wereDisturbed(speeds, threads, dutyPercent)
      ? { disturbed: true }
      : {}),
  };
  return (['prefill', 'decode'] as const).flatMap((name): Measurement[] => {
    const values = valuesOf(speeds, name);
    const value = median(values);
    if (value === null) return [];
    return [
      {
        name,
        mode: backend,
        value,
        unit: 'tokens-per-second',
        spreadPercent: spreadPercent(values),
        runs: values.length,
        conditions,
        atMs: clock.now(),
      },
    ];
  });
}

/** Lets jobs go first for a while. */
interface Patience {
  /**
   * Runs `measure` while there are no jobs; if one begins, the run is stopped and repeated after the last one. When the
   * patience is used up, the run is made alongside the jobs. Returns the result and the time that was lost.
   */
  run<T>(measure: (undisturbed: AbortSignal) => Promise<T>): Promise<{ result: T; lostMs: number }>;
}

function createPatience({ duty, clock, signal }: CaseOptions): Patience {
  let leftMs = PATIENCE_MS;

  /** Waits until there are no jobs, or the patience is used up. */
  async function waitForQuiet(): Promise<void> {
    const late = new AbortController();
    const timer = clock.after(Math.max(0, leftMs), () => late.abort());
    await duty.quiet(AbortSignal.any([signal, late.signal]));
    timer.cancel();
  }

  return {
    async run(measure) {
      let lostMs = 0;
      for (;;) {
        const fromMs = clock.monotonic();
        if (leftMs > 0) await waitForQuiet();
        const begun = duty.jobBegins();
        const yields = leftMs > 0 && !begun.aborted && !signal.aborted;
        const result = await measure(yields ? AbortSignal.any([signal, begun]) : signal);
        if (!yields || !begun.aborted || signal.aborted) return { result, lostMs };
        const spentMs = clock.monotonic() - fromMs;
        leftMs -= spentMs;
        lostMs += spentMs;
      }
    },
  };
}

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('aborted', 'The benchmark was stopped.');
}

/** Returns the number of active jobs beyond our `own` streams. */
function othersNow(engine: Engine, own: number): number {
  const status = engine.status();
  return status.state === 'ready' ? Math.max(0, status.activeSequences - own) : 0;
}

function valuesOf(speeds: readonly EngineSpeed[], name: 'prefill' | 'decode'): number[] {
  return speeds.map((speed) => speed[`${name}TokensPerSecond`]).filter((value) => value !== null);
}

function isWorthARun({ runs, runsMax }: EngineCase, speeds: readonly EngineSpeed[]): boolean {
  if (speeds.length < runs) return true;
  const spreads = (['prefill', 'decode'] as const).map((name) => spreadPercent(valuesOf(speeds, name)));
  return speeds.length < runsMax && spreads.some((spread) => spread !== null && spread > SPREAD_SMALL);
}

/** Judges by the median run without its rests; false if the engine does not report its CPU time. */
function wereDisturbed(speeds: readonly EngineSpeed[], threads: number, dutyPercent: number): boolean {
  const ratio = median(
    speeds.flatMap(({ end }) => {
      if (end?.cpu === undefined) return [];
      const cpuMs = (end.cpu.prefillMs + end.cpu.decodeMs) / threads;
      const lateMs = dutyPercent < 100 ? end.outputTokens * TIMER_LATE_MS : 0;
      const computingMs = (end.prefillMs + end.decodeMs - lateMs) * (dutyPercent / 100);
      return cpuMs > 0 ? [computingMs / cpuMs] : [];
    }),
  );
  return ratio !== null && ratio > DISTURBED_RATIO;
}

/**
 * The engine's prefill and decode speed on the model that is loaded, by streams and context, at full speed, within
 * the owner's comfort and throttled: each measured several times until the runs agree.
 */
import type { Measurement } from '../../../shared/api/state.ts';
import { AppError } from '../../../shared/errors.ts';
import { median, spreadPercent } from '../../../shared/statistics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, LoadedModel } from '../../ports/engine.ts';
import { type EngineDuty, type EngineSpeed, measureEngine } from '../engine/index.ts';
import { casesFor, type EngineCase, type EngineSize, type Pace, sizeOf } from './engine-cases.ts';

export interface EngineSpeedOptions {
  readonly signal: AbortSignal;
  readonly duty: Pick<EngineDuty, 'during'>;
  /** What the owner's comfort leaves of the time, in percent. */
  readonly comfortDutyPercent: number;
  readonly clock: Clock;
  /** After each run, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

export interface EngineSpeeds {
  /** The model's speed, one stream at full speed, comes first. */
  readonly measurements: readonly Measurement[];
  readonly unavailable: readonly { readonly mode: string; readonly reason: string }[];
}

/** A spread up to this, in percent, is small enough to stop. */
const SPREAD_SMALL = 5;
/** The clock took this much longer than a processor that computes itself: other programs had it. */
export const DISTURBED_RATIO = 1.2;
/** A rest after a token ends about so much late: Node's timers count whole milliseconds. */
const TIMER_LATE_MS = 1;
/** The first run reads the file's pages into memory, and builds what a card computes with. */
const WARM_UP = { promptWords: 8, decodeTokens: 2 };
const PACE_RUN = { promptWords: 32, decodeTokens: 8 };
/** Where the look tells nothing, prompts and answers are not made shorter. */
const NO_PACE: Pace = {
  prefillTokensPerSecond: Number.POSITIVE_INFINITY,
  decodeTokensPerSecond: Number.POSITIVE_INFINITY,
  tokensPerWord: 1,
};

/**
 * Measures every case that this machine can do in the time, or says why not. `otherJobs` stands in the conditions
 * when the engine worked for somebody else meanwhile: such a speed is shown, and no offer is made of it. `disturbed`
 * stands there when other programs took a good part of the time of a processor that computes itself (beside a GPU it
 * waits). The engine's duty is the caller's again whatever happens.
 */
export async function measureEngineSpeeds(
  engine: Engine,
  options: EngineSpeedOptions,
): Promise<EngineSpeeds> {
  const status = engine.status();
  if (status.state !== 'ready') return { measurements: [], unavailable: [missing('No model is loaded.')] };
  const { loaded } = status;
  const cases = casesFor(loaded.sequences, options.comfortDutyPercent);
  const pace = await options.duty.during(100, () => measurePace(engine, options.signal));
  const measurements: Measurement[] = [];
  const unavailable: EngineSpeeds['unavailable'][number][] = [];
  const todo: { each: EngineCase; size: EngineSize }[] = [];
  for (const [index, each] of cases.entries()) {
    const size = sizeOf(each, loaded.contextTokens, pace, index === 0);
    if (typeof size === 'object') todo.push({ each, size });
    else if (size === 'too-slow') {
      unavailable.push(missing('Measuring it would take this machine too long.', each));
    }
  }
  for (const [index, { each, size }] of todo.entries()) {
    const onRun = (share: number) => options.onProgress((index + share) / todo.length);
    const found = await options.duty.during(each.dutyPercent, () =>
      measureCase(engine, { ...options, loaded, each, size, onRun }),
    );
    if (found.length === 0) unavailable.push(missing('The model ended too early to be measured.', each));
    measurements.push(...found);
  }
  return { measurements, unavailable };
}

function missing(reason: string, each?: EngineCase): EngineSpeeds['unavailable'][number] {
  if (each === undefined) return { mode: 'engine', reason };
  const { streams, context, dutyPercent } = each;
  return { mode: `engine, ${streams} × ${context} context, ${dutyPercent} %`, reason };
}

/** How fast this model is about, for choosing what to ask of it. */
async function measurePace(engine: Engine, signal: AbortSignal): Promise<Pace> {
  await measureEngine(engine, { ...WARM_UP, signal });
  const { prefillTokensPerSecond, decodeTokensPerSecond, end } = await measureEngine(engine, {
    ...PACE_RUN,
    signal,
  });
  stopIfAborted(signal);
  if (prefillTokensPerSecond === null || decodeTokensPerSecond === null || end === null) return NO_PACE;
  const tokensPerWord = end.inputTokens / PACE_RUN.promptWords;
  return { prefillTokensPerSecond, decodeTokensPerSecond, tokensPerWord };
}

interface CaseOptions extends EngineSpeedOptions {
  readonly loaded: LoadedModel;
  readonly each: EngineCase;
  readonly size: EngineSize;
  /** Share of the expected runs that are done, 0 to 1. */
  readonly onRun: (share: number) => void;
}

/** Up to two measurements. */
async function measureCase(engine: Engine, options: CaseOptions): Promise<Measurement[]> {
  const { loaded, each, size, signal, clock } = options;
  const { streams, context, dutyPercent } = each;
  const untilMs = clock.monotonic() + each.budgetMs;
  const speeds: EngineSpeed[] = [];
  let otherJobs = othersNow(engine, 0);
  const unsubscribe = engine.onStatus(() => {
    otherJobs = Math.max(otherJobs, othersNow(engine, streams));
  });
  try {
    while (isWorthARun(each, speeds) && (speeds.length === 0 || clock.monotonic() < untilMs)) {
      const speed = await measureEngine(engine, { ...size, streams, signal });
      stopIfAborted(signal);
      const after = engine.status();
      if (after.state !== 'ready' || after.loaded !== loaded) {
        throw new AppError('model-unavailable', 'The model was exchanged while it was measured.');
      }
      speeds.push(speed);
      otherJobs = Math.max(otherJobs, othersNow(engine, 0));
      // Runs that are repeated because they differed come on top; how many is not known before.
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
    threads,
    contextTokens,
    sequences,
    streams,
    context,
    ...(promptTokens === null ? {} : { promptTokens }),
    ...size,
    dutyPercent,
    comfortDutyPercent: options.comfortDutyPercent,
    ...(otherJobs > 0 ? { otherJobs } : {}),
    ...(backend === 'cpu' && wereDisturbed(speeds, threads, dutyPercent) ? { disturbed: true } : {}),
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

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('aborted', 'The benchmark was stopped.');
}

/** Answers for others, with so many of our own under way. */
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

/** By the middle run, its rests left out; false where the engine does not tell its processor time. */
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

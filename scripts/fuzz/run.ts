/** Runs targets on generated inputs, and compares the memory at the end with that in the middle. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Target } from './target.ts';

export interface FuzzOptions {
  readonly targets: readonly Target[];
  /** Over all targets, by their shares; each target gets at least one per round. */
  readonly inputs: number;
  readonly seed: number;
}

export interface FuzzFault {
  readonly target: string;
  /** The input that was shrunk, the error, and how to repeat it. */
  readonly report: string;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly durationMs: number;
  /** Heap after a collection at the end, minus the one in the middle. */
  readonly growthBytes: number;
  /** At most one of each target. */
  readonly faults: readonly FuzzFault[];
}

/** The targets take turns, so that the middle has seen all of them. */
const ROUNDS = 20;

export async function fuzz({ targets, inputs, seed }: FuzzOptions): Promise<FuzzResult> {
  const collect = garbageCollector();
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  const faults: FuzzFault[] = [];
  const stopWatching = watchProcess(faults);
  const startedMs = performance.now();
  let done = 0;
  let middleBytes = 0;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const target of targets) {
        if (faults.some((fault) => fault.target === target.name)) continue;
        const count = Math.max(1, Math.round((inputs * target.share) / shares / ROUNDS));
        const report = await runTarget(target, count, seed + round);
        done += count;
        if (report !== null) faults.push({ target: target.name, report });
      }
      if (round === ROUNDS / 2 - 1) middleBytes = collect();
    }
  } finally {
    stopWatching();
  }
  const durationMs = performance.now() - startedMs;
  return { inputs: done, durationMs, growthBytes: collect() - middleBytes, faults };
}

/** Returns null, or what was found. */
function runTarget(target: Target, numRuns: number, seed: number): Promise<string | null> {
  return target.use(async (inputs, run) => {
    const property = fc.asyncProperty(inputs, async (input) => {
      await run(input);
    });
    const details = await fc.check(property, { numRuns, seed, includeErrorInReport: true });
    return details.failed ? (fc.defaultReportMessage(details) ?? 'failed') : null;
  });
}

/** A failure that nobody awaits is a crash, too. */
function watchProcess(faults: FuzzFault[]): () => void {
  const note = (error: unknown) => {
    const report = error instanceof Error ? (error.stack ?? error.message) : String(error);
    faults.push({ target: 'process', report });
  };
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  return () => {
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
  };
}

/** Returns a function that collects garbage and returns the bytes that are left. */
function garbageCollector(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    // Weak references and finalizers need a second round.
    for (let round = 0; round < 3; round += 1) collect();
    return process.memoryUsage().heapUsed;
  };
}

/**
 * Paces a command that reads the whole database of a running agent: while the agent writes, a command uses a small share
 * of the machine. Priorities alone don't ensure that: the engine runs at the lowest one, and programs in different
 * sessions or control groups share the processor regardless of them.
 */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Share of all cores that one reading process uses while the agent writes. */
const SHARE = 0.02;
/** Processor time between two pauses. */
const SLICE_MS = 20;
/** An agent whose last write is older is idle. */
const ACTIVE_MS = 3_000;
const PAUSE_MS_MAX = 2_000;
/** The log can't be copied back past the state that a command reads. When it is this large, the command hurries. */
const LOG_BYTES_MAX = 256 * 1024 * 1024;

export interface PaceParts {
  /** Path of the database. */
  readonly path: string;
  readonly cores?: number;
  /** Milliseconds of a clock that is never set, and of processor time; for tests. */
  readonly now?: () => number;
  readonly processorMs?: () => number;
  readonly pause?: (ms: number) => void;
}

/** Returns the function to call between two pieces of work; it pauses the thread if it is time to. */
export function createReadingPace({
  path,
  cores = availableParallelism(),
  now = () => performance.now(),
  processorMs = processorMsOfProcess,
  pause = pauseThread,
}: PaceParts): () => void {
  let checkedMs = now();
  /** Processor time at that moment; null while it wasn't needed, because to read it takes half a millisecond. */
  let usedMs: number | null = null;
  let written: number | null = logOf(path)?.mtimeMs ?? null;
  let changedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = now();
    const elapsedMs = nowMs - checkedMs;
    if (elapsedMs < SLICE_MS) return;
    const usedBeforeMs = usedMs;
    usedMs = null;
    checkedMs = nowMs;
    const log = logOf(path);
    if (log !== null && log.mtimeMs !== written) {
      written = log.mtimeMs;
      changedMs = nowMs;
    }
    if (log === null || log.size > LOG_BYTES_MAX || nowMs - changedMs > ACTIVE_MS) return;
    usedMs = processorMs();
    const spentMs = usedBeforeMs === null ? elapsedMs : usedMs - usedBeforeMs;
    const restMs = Math.min(PAUSE_MS_MAX, spentMs / (SHARE * cores) - elapsedMs);
    if (restMs <= 0) return;
    pause(restMs);
    checkedMs = now();
  };
}

/** The write-ahead log changes with every commit; null if there is none. */
function logOf(path: string): { readonly mtimeMs: number; readonly size: number } | null {
  return statSync(`${path}-wal`, { throwIfNoEntry: false }) ?? null;
}

/** Of all threads: some check signatures meanwhile. */
function processorMsOfProcess(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * A thread that watches another process end through Linux's /proc, about every millisecond: when it stopped
 * computing, and when it and its memory were gone. Apart from the thread that gives the orders, whose own work would
 * otherwise delay the look.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Moments in milliseconds since the epoch, with fractions. */
export interface ProcessEnd {
  /** The last moment that a thread of it ran its program: what follows is the system freeing its memory. */
  readonly stoppedMs: number;
  readonly goneMs: number;
}

const INTERVAL_MS = 1;
/** Nothing that is watched may take longer. */
const WATCH_MS_MAX = 60_000;

/** Resolves when the process is gone. */
export function watchProcess(pid: number): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: pid });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** Milliseconds since the epoch on the monotonic clock, the same in every thread. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** A thread that is on its way out and will not return to its program (`PF_EXITING` of sched.h). */
const EXITING_FLAG = 0x4;

/** Nanoseconds on a processor by thread, without threads on their way out; null when the process is gone. */
function programTimes(pid: number): ReadonlyMap<string, number> | null {
  const times = new Map<string, number>();
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return null;
  }
  for (const thread of threads) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      // The second field is the program's name in brackets and may hold spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' && threads.length === 1) return null;
      if ((Number(fields[6]) & EXITING_FLAG) !== 0) continue;
      const schedule = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      times.set(thread, Number(schedule.split(' ')[0]));
    } catch {
      // It ended just now.
    }
  }
  return times;
}

/**
 * A thread that is not on its way out and got no processor did not compute either. A look's time is that of its
 * beginning: whoever looks at a process that is just ending may be given the freeing of its memory to do.
 */
function watch(pid: number): ProcessEnd {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const endMs = preciseNow() + WATCH_MS_MAX;
  let before: ReadonlyMap<string, number> = new Map();
  let stoppedMs = preciseNow();
  while (preciseNow() < endMs) {
    const nowMs = preciseNow();
    const times = programTimes(pid);
    if (times === null) return { stoppedMs, goneMs: preciseNow() };
    for (const [thread, time] of times) {
      if (time > (before.get(thread) ?? 0)) stoppedMs = nowMs;
    }
    before = times;
    Atomics.wait(pause, 0, 0, INTERVAL_MS);
  }
  throw new Error(`process ${pid} did not end`);
}

if (!isMainThread && parentPort !== null && typeof workerData === 'number') {
  parentPort.postMessage(watch(workerData));
}

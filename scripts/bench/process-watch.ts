/**
 * When another process on Linux computed for the last time, and when it and its memory were gone. The first comes
 * from the kernel's own sampling (`perf`): a look from outside waits for a processor itself just when one is wanted
 * by all, and says more of that than of the process. All moments are milliseconds of the monotonic clock.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const LOOK_EVERY_MS = 1;
/** Nothing that is watched may take longer. */
const WATCH_MS_MAX = 60_000;
const SAMPLE_EVERY_NS = 500_000;
/** A sample is taken only where a thread runs its own program: the system freeing its memory does not count. */
const SAMPLING = ['-e', 'cpu-clock:u', '-c', String(SAMPLE_EVERY_NS), '-k', 'CLOCK_MONOTONIC'];

/** The clock of all moments here, the same in every thread and in the kernel's samples. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves, when the process is gone, to that moment. */
export function watchGone(pid: number): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: pid });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** Whether this machine has `perf` and lets us sample a process of our own. */
export function canSample(): boolean {
  return (
    spawnSync('perf', ['record', ...SAMPLING, '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0
  );
}

/**
 * Samples all threads of a process, every half of a millisecond of each thread's own running. Resolves when it does;
 * the function given back waits for the process to end and says when it computed for the last time.
 */
export async function sampleProcess(pid: number): Promise<() => Promise<number>> {
  const file = join(tmpdir(), `idlewatt-samples-${pid}.data`);
  const recording = [
    'record',
    '-q',
    ...SAMPLING,
    '-D',
    '-1',
    '--control',
    'fd:3,4',
    '-p',
    String(pid),
    '-o',
    file,
  ];
  const perf = spawn('perf', recording, { stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'] });
  const ended = once(perf, 'exit');
  const [orders, answers] = perf.stdio.slice(3) as [Duplex, Duplex];
  orders.write('enable\n');
  await once(answers, 'data');
  return async () => {
    await ended;
    const { stdout } = spawnSync('perf', ['script', '-i', file, '-F', 'time'], {
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    await rm(file, { force: true });
    const moments = stdout
      .split('\n')
      .flatMap((line) => (line.trim() === '' ? [] : [Number.parseFloat(line) * 1_000]));
    if (moments.length === 0) throw new Error(`process ${pid} was not seen computing`);
    return Math.max(...moments);
  };
}

/** What is left of it is at most the entry that its parent has not read yet. */
function isGone(pid: number): boolean {
  try {
    if (readdirSync(`/proc/${pid}/task`).length > 1) return false;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

function waitUntilGone(pid: number): number {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const endMs = monotonicMs() + WATCH_MS_MAX;
  while (monotonicMs() < endMs) {
    if (isGone(pid)) return monotonicMs();
    Atomics.wait(pause, 0, 0, LOOK_EVERY_MS);
  }
  throw new Error(`process ${pid} did not end`);
}

if (!isMainThread && parentPort !== null && typeof workerData === 'number') {
  parentPort.postMessage(waitUntilGone(workerData));
}

/**
 * Measures when another process on Linux computed for the last time, and when it and its memory were gone. The first
 * comes from the kernel's own sampling (`perf`): a poll from outside has to wait for a CPU itself just when all of
 * them are busy, and would measure that wait more than the process. All times are milliseconds of the monotonic clock.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const POLL_EVERY_MS = 1;
/** Limit for every watched process. */
const WATCH_MS_MAX = 60_000;
const SAMPLE_EVERY_NS = 500_000;
/** Samples only user code (`:u`), so that the kernel freeing the memory doesn't count as computing. */
const SAMPLING = ['-e', 'cpu-clock:u', '-c', String(SAMPLE_EVERY_NS), '-k', 'CLOCK_MONOTONIC'];

/** Clock of all times here: the same in every thread and in the kernel's samples. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves when the process is gone, to the time of that. */
export function watchGone(pid: number): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: pid });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** Returns true if this machine has `perf` and allows it to sample a process of this user. Tries it once. */
export function canSample(): boolean {
  isSampling ??=
    spawnSync('perf', ['record', ...SAMPLING, '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0;
  return isSampling;
}

let isSampling: boolean | null = null;

/**
 * Samples all threads of a process every 0.5 ms of each thread's CPU time. Resolves when sampling has started; the
 * returned function waits for the process to exit and returns the time when it computed for the last time.
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
  const [control, acknowledgements] = perf.stdio.slice(3) as [Duplex, Duplex];
  control.write('enable\n');
  await once(acknowledgements, 'data');
  return async () => {
    await ended;
    const { stdout } = spawnSync('perf', ['script', '-i', file, '-F', 'time'], {
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    await rm(file, { force: true });
    const timesMs = stdout
      .split('\n')
      .flatMap((line) => (line.trim() === '' ? [] : [Number.parseFloat(line) * 1_000]));
    if (timesMs.length === 0) throw new Error(`No sample of process ${pid} shows it computing.`);
    return Math.max(...timesMs);
  };
}

/** Returns true if at most the entry is left that the parent has not read yet (a zombie). */
function isGone(pid: number): boolean {
  try {
    if (readdirSync(`/proc/${pid}/task`).length > 1) return false;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may contain spaces.
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
    Atomics.wait(pause, 0, 0, POLL_EVERY_MS);
  }
  throw new Error(`Process ${pid} did not exit within ${WATCH_MS_MAX / 1_000} s.`);
}

if (!isMainThread && parentPort !== null && typeof workerData === 'number') {
  parentPort.postMessage(waitUntilGone(workerData));
}

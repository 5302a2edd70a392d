/** Runs a child process in the foreground: forwards signals, restarts it after a bug, and exits as it exits. */
import type { ChildProcess } from 'node:child_process';
import { BUG_EXIT_CODE } from '../../../shared/options.ts';
import { createRestartPolicy } from '../../../shared/restart-policy.ts';

export interface ForegroundOptions {
  /** Starts the child, for the first time or again. */
  readonly start: () => ChildProcess;
  /** Restart after a bug or a crash, with growing pauses; otherwise its first exit is final. */
  readonly restarts: boolean;
  readonly print: (line: string) => void;
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves to the exit code for this process: 128 plus the signal's number where a signal ended the child. */
export async function runInForeground({ start, restarts, print }: ForegroundOptions): Promise<number> {
  const policy = createRestartPolicy();
  let isStopping = false;
  let child: ChildProcess | null = null;
  // A terminal sends Ctrl-C to both processes; the child's own handling of it decides.
  const forward = (signal: NodeJS.Signals) => {
    isStopping = true;
    child?.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    for (;;) {
      const startedAtMs = performance.now();
      child = start();
      const end = await endOf(child);
      const isBug = end.code === BUG_EXIT_CODE || (end.signal !== null && !isStopping);
      const waitMs = restarts && isBug && !isStopping ? policy.next(performance.now() - startedAtMs) : null;
      if (waitMs === null) return exitCodeOf(end, print);
      print(
        `Idlewatt ended unexpectedly (${end.signal ?? `exit code ${end.code}`}). Restarting in ${waitMs} ms.`,
      );
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (isStopping) return exitCodeOf(end, print);
    }
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The child could not be started. */
  readonly error?: Error;
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function exitCodeOf({ code, signal, error }: ChildEnd, print: (line: string) => void): number {
  if (error !== undefined) print(`Could not start Idlewatt: ${error.message}`);
  if (code !== null) return code;
  return signal === null ? 1 : signal === 'SIGINT' ? 130 : 143;
}

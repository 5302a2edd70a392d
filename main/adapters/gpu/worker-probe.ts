/** Runs the gpu.js probe without a window, in a worker process that is killed when its signal aborts. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { GpuProbeResult } from '../../../shared/api/contract.ts';
import { gpuProbeSchema } from '../../../shared/api/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GpuProbe } from '../../ports/machine.ts';
import { noDebuggerFlags } from '../../ports/no-debugger.ts';

/** Longer than any probe takes; a process that hangs is killed. */
const PROBE_MS_MAX = 120_000;

/** Variables needed to find and start a program; nothing else of the parent's environment is passed on. */
const ENVIRONMENT = ['PATH', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'WINDIR'];

/**
 * Returns a probe for machines or moments without a desktop window. It measures `webasm` and `cpu` and lists the other
 * modes as unavailable. Rejects with `aborted` if the signal aborts, and with `unsupported` if gpu.js cannot be run.
 */
export function createWorkerProbe(options: { quick?: boolean } = {}): GpuProbe {
  return {
    async run(signal) {
      if (signal.aborted) throw stopped();
      return resultOf(startProbe(options.quick ? ['--quick'] : []), signal);
    },
  };
}

function startProbe(parameters: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL('./probe-process.ts', import.meta.url)), [...parameters], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: environment(),
    execArgv: noDebuggerFlags(),
  });
}

/** Waits for the single message of the process, and kills the process in any case. */
async function resultOf(child: ChildProcess, signal: AbortSignal): Promise<GpuProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<GpuProbeResult>();
  const fail = (reason: string, cause?: unknown) =>
    reject(new AppError('unsupported', reason, cause === undefined ? {} : { cause }));
  const onAbort = () => reject(stopped());
  const limit = setTimeout(
    () => fail(`The gpu.js probe did not finish within ${PROBE_MS_MAX / 1000} s.`),
    PROBE_MS_MAX,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  child.once('message', (message) => {
    const result = gpuProbeSchema.safeParse(message);
    if (result.success) resolve(result.data);
    else fail('The gpu.js probe returned an invalid result.', result.error);
  });
  child.once('error', (cause) => fail('The gpu.js probe could not be started.', cause));
  child.once('exit', () => fail('The gpu.js probe ended without a result.'));
  try {
    return await promise;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', onAbort);
    child.removeAllListeners();
    // Ignores failures of a process that is being killed.
    child.on('error', () => undefined);
    child.kill('SIGKILL');
  }
}

function stopped(): AppError {
  return new AppError('aborted', 'The benchmark was stopped.');
}

function environment(): NodeJS.ProcessEnv {
  const values: NodeJS.ProcessEnv = {};
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) values[name] = value;
  }
  // Inside Electron, the executable runs as a browser unless this variable makes it Node.
  if (process.versions.electron) values.ELECTRON_RUN_AS_NODE = '1';
  return values;
}

/** gpu.js without a window: the probe in a worker process, which ends with its signal. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gpuProbeSchema } from '../../../shared/api/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GpuProbe } from '../../ports/machine.ts';

/** Longer than any probe takes; one that hangs is ended. */
const PROBE_MS_MAX = 120_000;

/** What a program needs to be found and started; nothing else of our environment goes in. */
const ENVIRONMENT = ['PATH', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'WINDIR'];

/**
 * A probe for machines or moments without a desktop window: `webasm` and `cpu` are measured, the others are
 * listed as unavailable. Rejects with `aborted` when the signal ends it, and `unsupported` when gpu.js
 * cannot be run at all.
 */
export function createWorkerProbe(options: { quick?: boolean } = {}): GpuProbe {
  return {
    run(signal) {
      return new Promise((resolve, reject) => {
        const stopped = () => new AppError('aborted', 'The benchmark was stopped.');
        if (signal.aborted) return reject(stopped());
        const child = fork(
          fileURLToPath(new URL('./probe-process.ts', import.meta.url)),
          options.quick ? ['--quick'] : [],
          {
            serialization: 'advanced',
            stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
            env: environment(),
            execArgv: [],
          },
        );
        const end = () => {
          clearTimeout(limit);
          signal.removeEventListener('abort', onAbort);
          child.removeAllListeners();
          // What still goes wrong on its way out concerns nobody.
          child.on('error', () => undefined);
          child.kill('SIGKILL');
        };
        const fail = (error: AppError) => {
          end();
          reject(error);
        };
        const onAbort = () => fail(stopped());
        const limit = setTimeout(
          () => fail(new AppError('unsupported', 'The gpu.js probe did not end.')),
          PROBE_MS_MAX,
        );
        signal.addEventListener('abort', onAbort, { once: true });
        child.once('message', (message) => {
          const result = gpuProbeSchema.safeParse(message);
          if (!result.success) {
            return fail(
              new AppError('unsupported', 'The gpu.js probe answered nonsense.', { cause: result.error }),
            );
          }
          end();
          resolve(result.data);
        });
        child.once('error', (cause) =>
          fail(new AppError('unsupported', 'The gpu.js probe cannot be started here.', { cause })),
        );
        child.once('exit', () =>
          fail(new AppError('unsupported', 'The gpu.js probe ended without a result.')),
        );
      });
    },
  };
}

function environment(): NodeJS.ProcessEnv {
  const values: NodeJS.ProcessEnv = {};
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) values[name] = value;
  }
  // Inside Electron our own binary is a browser unless told to be Node.
  if (process.versions.electron) values.ELECTRON_RUN_AS_NODE = '1';
  return values;
}

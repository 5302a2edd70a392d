/** gpu.js without a window: the probe in a worker thread, which ends with its signal. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { gpuProbeSchema } from '../../../shared/api/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GpuProbe } from '../../ports/machine.ts';

/** Longer than any probe takes; a thread that hangs is ended. */
const PROBE_MS_MAX = 120_000;

/**
 * A probe for machines or moments without a desktop window: `webasm` and `cpu` are measured, the others are
 * listed as unavailable. Rejects with `aborted` when the signal ends it, `engine-failed` never;
 * `unsupported` when gpu.js cannot be run at all.
 */
export function createWorkerProbe(options: { quick?: boolean } = {}): GpuProbe {
  return {
    run(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(new AppError('aborted', 'The benchmark was stopped.'));
        const worker = new Worker(new URL('./probe-worker.ts', import.meta.url), {
          workerData: { quick: options.quick ?? false, threads: availableParallelism() },
        });
        const finish = (settle: () => void) => {
          clearTimeout(limit);
          signal.removeEventListener('abort', onAbort);
          worker.removeAllListeners();
          // Whatever the worker still says on its way out concerns nobody.
          worker.on('error', () => undefined);
          void worker.terminate().then(settle, settle);
        };
        const fail = (error: AppError) => finish(() => reject(error));
        const onAbort = () => fail(new AppError('aborted', 'The benchmark was stopped.'));
        const limit = setTimeout(
          () => fail(new AppError('unsupported', 'The gpu.js probe did not end.')),
          PROBE_MS_MAX,
        );
        signal.addEventListener('abort', onAbort, { once: true });
        worker.once('message', (message) => {
          const result = gpuProbeSchema.safeParse(message);
          if (result.success) finish(() => resolve(result.data));
          else
            fail(new AppError('unsupported', 'The gpu.js probe answered nonsense.', { cause: result.error }));
        });
        worker.once('error', (cause) =>
          fail(new AppError('unsupported', 'The gpu.js probe cannot run here.', { cause })),
        );
        worker.once('exit', () =>
          fail(new AppError('unsupported', 'The gpu.js probe ended without a result.')),
        );
      });
    },
  };
}

/** What the agent asks of the desktop shell, and the shell's answers. */
import { randomUUID } from 'node:crypto';
import type { GpuProbeResult, ShellRequest } from '../../shared/api/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { GpuProbe } from '../ports/machine.ts';

export interface ShellLink {
  /** Whether a shell listens now. */
  connected(): boolean;
  requests(signal: AbortSignal | undefined): AsyncGenerator<ShellRequest, void, void>;
  /** Something that the shell answers by a call of its own. */
  tell(request: ShellRequest): void;
  answer(id: string, result: GpuProbeResult): void;
  fail(id: string, message: string): void;
  /** gpu.js in the shell's hidden window. Rejects with `unsupported` or `aborted`. */
  readonly gpuProbe: GpuProbe;
}

interface Waiting {
  resolve(result: GpuProbeResult): void;
  reject(error: AppError): void;
}

export function createShellLink(): ShellLink {
  const waiting = new Map<string, Waiting>();
  const queue: ShellRequest[] = [];
  let listening = 0;
  let wake: (() => void) | null = null;

  return {
    connected: () => listening > 0,
    async *requests(signal) {
      const stop = () => wake?.();
      signal?.addEventListener('abort', stop);
      listening += 1;
      try {
        while (!signal?.aborted) {
          const request = queue.shift();
          if (request !== undefined) yield request;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        listening -= 1;
        signal?.removeEventListener('abort', stop);
      }
    },
    tell(request) {
      queue.push(request);
      wake?.();
    },
    answer(id, result) {
      waiting.get(id)?.resolve(result);
    },
    fail(id, message) {
      waiting.get(id)?.reject(new AppError('unsupported', message));
    },
    gpuProbe: {
      async run(signal) {
        const id = randomUUID();
        const aborted = () => waiting.get(id)?.reject(new AppError('aborted', 'The benchmark was stopped.'));
        signal.addEventListener('abort', aborted);
        try {
          return await new Promise<GpuProbeResult>((resolve, reject) => {
            waiting.set(id, { resolve, reject });
            if (signal.aborted) aborted();
            queue.push({ type: 'probe-gpu', id });
            wake?.();
          });
        } finally {
          waiting.delete(id);
          signal.removeEventListener('abort', aborted);
        }
      },
    },
  };
}

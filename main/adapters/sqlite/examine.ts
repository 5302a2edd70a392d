/** Starts the process that reads a large database in full, and reports the result. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { noDebuggerFlags } from '../../ports/no-debugger.ts';
import { lowerPriorityOf } from '../../ports/priority.ts';
import { corrupt } from './integrity.ts';

const resultSchema = z.object({ problem: z.string().nullable() });

export interface Examination {
  /** Rejects with `database-corrupt` if the file is damaged; resolves also if the examination was ended early. */
  readonly done: Promise<void>;
  end(): void;
}

export function examineInBackground(path: string): Examination {
  const child = fork(fileURLToPath(new URL('./examine-process.ts', import.meta.url)), [path], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: noDebuggerFlags(),
  });
  lowerPriorityOf(child.pid);
  // The child must not keep the agent running.
  child.unref();
  child.channel?.unref();
  const done = new Promise<void>((resolve, reject) => {
    child.once('message', (message) => {
      const { problem } = resultSchema.parse(message);
      if (problem === null) resolve();
      else reject(corrupt(path, problem));
    });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  // Prevents an unhandled rejection when nobody awaits `done`.
  done.catch(() => undefined);
  return {
    done,
    end() {
      child.kill('SIGKILL');
    },
  };
}

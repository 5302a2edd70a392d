/** Starts the reading of a large database from end to end, and says what it found. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { corrupt } from './integrity.ts';

const answerSchema = z.object({ problem: z.string().nullable() });

export interface Examination {
  /** Rejects with `database-corrupt` when the file is damaged; also resolves when it was ended before its time. */
  readonly done: Promise<void>;
  end(): void;
}

export function examineInBackground(path: string): Examination {
  const child = fork(fileURLToPath(new URL('./examine-process.ts', import.meta.url)), [path], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
  });
  // It never keeps the agent from ending.
  child.unref();
  child.channel?.unref();
  const done = new Promise<void>((resolve, reject) => {
    child.once('message', (message) => {
      const { problem } = answerSchema.parse(message);
      if (problem === null) resolve();
      else reject(corrupt(path, problem));
    });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  // Who does not ask is not to be ended by the answer.
  done.catch(() => undefined);
  return {
    done,
    end() {
      child.kill('SIGKILL');
    },
  };
}

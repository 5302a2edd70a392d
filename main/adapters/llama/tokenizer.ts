/** Implements {@link Tokenizer} with a child process that loads only a model's vocabulary and ends when it is idle. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ModelFile } from '../../ports/engine.ts';
import type { Recount, Tokenizer } from '../../ports/tokenizer.ts';
import { NO_GRAPHICS } from './graphics-parameters.ts';
import { forkSandboxed } from './spawn.ts';
import { type RecountCommand, recountReportSchema } from './vocabulary-messages.ts';

export interface TokenizerOptions {
  /** Finds the verified file with this sha256; null if it isn't here. */
  readonly findFile: (sha256: string) => ModelFile | null;
  readonly modelFolders: readonly string[];
  readonly clock: Clock;
}

export interface ChildTokenizer extends Tokenizer {
  stop(): void;
}

/** Loading a large vocabulary on a slow disk takes seconds; a longer count is given up, and nothing is checked. */
const RECOUNT_MS_MAX = 20_000;
const IDLE_MS_MAX = 60_000;
/** Counts that wait for the process; more are given up, so that slow counting can't fill the memory. */
const WAITING_MAX = 64;
/** A vocabulary and its merges take up to about 100 MB; Node and the libraries need the rest. */
const MEMORY_BYTES_MAX = 2 * 1024 ** 3;

export function createTokenizer({ findFile, modelFolders, clock }: TokenizerOptions): ChildTokenizer {
  const waiting = new Map<number, (counted: Recount | null) => void>();
  let child: ChildProcess | null = null;
  let idle: Timer | null = null;
  let lastId = 0;

  function stop(): void {
    idle?.cancel();
    const stopped = child;
    child = null;
    stopped?.kill('SIGKILL');
    for (const resolve of [...waiting.values()]) resolve(null);
  }

  function start(): ChildProcess {
    const started = forkSandboxed(fileURLToPath(new URL('./vocabulary-process.ts', import.meta.url)), {
      parameters: [NO_GRAPHICS],
      sandbox: { modelFolders, memoryBytesMax: MEMORY_BYTES_MAX },
    });
    started.on('message', (message) => {
      const report = recountReportSchema.safeParse(message);
      if (report.success) waiting.get(report.data.id)?.(report.data.counted);
    });
    const ended = () => {
      if (child === started) stop();
    };
    started.once('error', ended);
    started.once('exit', ended);
    return started;
  }

  function send(command: RecountCommand): Promise<Recount | null> {
    idle?.cancel();
    child ??= start();
    const process = child;
    return new Promise((resolve) => {
      const timer = clock.after(RECOUNT_MS_MAX, () => stop());
      waiting.set(command.id, (counted) => {
        timer.cancel();
        waiting.delete(command.id);
        if (waiting.size === 0) idle = clock.after(IDLE_MS_MAX, stop);
        resolve(counted);
      });
      if (process.connected) process.send(command, () => {});
    });
  }

  return {
    stop,
    async recount({ sha256, prompt, stop: stops, tokens, text }) {
      const file = findFile(sha256);
      if (file === null || waiting.size >= WAITING_MAX) return null;
      lastId += 1;
      return send({ id: lastId, path: file.path, tokens: [...tokens], stop: stops, text, prompt });
    },
  };
}

/** Requests of the agent to the desktop shell, and the shell's responses. */
import { randomUUID } from 'node:crypto';
import type { GpuProbeResult, ShellRequest } from '../../shared/api/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { OwnerQuestion } from '../../shared/owner-question.ts';
import type { ShellFacts } from '../../shared/shell-facts.ts';
import type { GpuProbe } from '../ports/machine.ts';
import { PROGRAM } from '../ports/program.ts';

export interface ShellLink {
  /** Returns whether a shell is listening now. */
  connected(): boolean;
  requests(signal: AbortSignal | undefined): AsyncGenerator<ShellRequest, void, void>;
  /** Sends a request that the shell responds to with a call of its own. */
  tell(request: ShellRequest): void;
  /** Facts that the desktop shell reported about its system; null without one. */
  facts(): ShellFacts | null;
  takeFacts(facts: ShellFacts): void;
  answer(id: string, result: GpuProbeResult): void;
  fail(id: string, message: string): void;
  /**
   * The shell's file dialog. Resolves with the name of the backup in the folder, or null if none was chosen. Rejects with
   * `unsupported` without a shell or if the file could not be copied, `aborted` if it is asked for again meanwhile.
   */
  chooseBackup(folder: string): Promise<string | null>;
  answerBackup(id: string, name: string | null, problem: string | null): void;
  /**
   * Asks the owner outside of the pages. Rejects with `not-permitted` if they decline, `busy` while others wait, and
   * `unsupported` without a shell; `command` does it on the terminal.
   */
  confirm(question: OwnerQuestion, command: string): Promise<void>;
  answerQuestion(id: string, approved: boolean): void;
  /** gpu.js in the shell's hidden window. Rejects with `unsupported` or `aborted`. */
  readonly gpuProbe: GpuProbe;
}

interface PendingProbe {
  resolve(result: GpuProbeResult): void;
  reject(error: AppError): void;
}

/** `onFacts` is called when the shell reports something about itself. */
export function createShellLink(onFacts: () => void = () => undefined): ShellLink {
  const queue = new RequestQueue();
  let facts: ShellFacts | null = null;
  const probes = new Map<string, PendingProbe>();
  const backups = createBackupQuestion(queue);
  return {
    chooseBackup: backups.ask,
    ...createQuestions(queue),
    answerBackup: backups.answer,
    connected: () => queue.listening,
    requests: (signal) => queue.read(signal),
    tell: (request) => queue.push(request),
    facts: () => facts,
    takeFacts(next) {
      facts = next;
      onFacts();
    },
    answer: (id, result) => probes.get(id)?.resolve(result),
    fail: (id, message) => probes.get(id)?.reject(new AppError('unsupported', message)),
    gpuProbe: {
      async run(signal) {
        const id = randomUUID();
        const abort = () => probes.get(id)?.reject(new AppError('aborted', 'The benchmark was stopped.'));
        signal.addEventListener('abort', abort);
        try {
          return await new Promise<GpuProbeResult>((resolve, reject) => {
            probes.set(id, { resolve, reject });
            if (signal.aborted) abort();
            queue.push({ type: 'probe-gpu', id });
          });
        } finally {
          probes.delete(id);
          signal.removeEventListener('abort', abort);
        }
      },
    },
  };
}

/** Questions that wait for the shell's answer: it shows one, and declines those that come meanwhile. */
const QUESTIONS_MAX = 4;

function createQuestions(queue: RequestQueue): Pick<ShellLink, 'confirm' | 'answerQuestion'> {
  const waiting = new Map<string, (approved: boolean) => void>();
  // A shell that is gone answers no more, and the next one isn't to show a question that nobody waits for.
  queue.onLeft(() => {
    queue.drop((request) => request.type === 'confirm');
    for (const settle of [...waiting.values()]) settle(false);
  });
  return {
    async confirm(question, command) {
      if (!queue.listening) {
        throw new AppError(
          'unsupported',
          `Without the desktop app, this is confirmed on the terminal. Nothing was changed. Run \`${PROGRAM.command} ${command}\`.`,
        );
      }
      if (waiting.size >= QUESTIONS_MAX) {
        throw new AppError('busy', 'Another question waits for your answer. Nothing was changed.');
      }
      const id = randomUUID();
      const approved = await new Promise<boolean>((resolve) => {
        waiting.set(id, resolve);
        queue.push({ type: 'confirm', id, question });
      });
      waiting.delete(id);
      if (!approved) throw new AppError('not-permitted', 'You declined. Nothing was changed.');
    },
    answerQuestion: (id, approved) => waiting.get(id)?.(approved),
  };
}

/** The question for a backup: one at a time, and a page that asks again replaces it. */
function createBackupQuestion(queue: RequestQueue) {
  let waiting: { readonly id: string; settle(answer: string | null | AppError): void } | null = null;
  return {
    async ask(folder: string): Promise<string | null> {
      if (!queue.listening)
        throw new AppError('unsupported', 'Without the desktop app, no file can be chosen.');
      waiting?.settle(new AppError('aborted', 'Another backup is being chosen.'));
      const id = randomUUID();
      return new Promise((resolve, reject) => {
        waiting = {
          id,
          settle(answer) {
            waiting = null;
            if (answer instanceof AppError) reject(answer);
            else resolve(answer);
          },
        };
        queue.push({ type: 'choose-backup', id, folder });
      });
    },
    answer(id: string, name: string | null, problem: string | null): void {
      if (waiting?.id !== id) return;
      waiting.settle(problem === null ? name : new AppError('unsupported', problem));
    },
  };
}

/** Delivers each request to one listener. Two listen for a moment when one shell replaces another. */
class RequestQueue {
  readonly #requests: ShellRequest[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #leftListeners: (() => void)[] = [];
  #listeners = 0;

  get listening(): boolean {
    return this.#listeners > 0;
  }

  /** Called when the last listener has gone. */
  onLeft(listener: () => void): void {
    this.#leftListeners.push(listener);
  }

  /** Removes requests that no listener has taken yet. */
  drop(isDropped: (request: ShellRequest) => boolean): void {
    const kept = this.#requests.filter((request) => !isDropped(request));
    this.#requests.splice(0, this.#requests.length, ...kept);
  }

  push(request: ShellRequest): void {
    this.#requests.push(request);
    this.#wake();
  }

  async *read(signal: AbortSignal | undefined): AsyncGenerator<ShellRequest, void, void> {
    const wake = () => this.#wake();
    signal?.addEventListener('abort', wake);
    this.#listeners += 1;
    try {
      while (!signal?.aborted) {
        const request = this.#requests.shift();
        if (request !== undefined) yield request;
        else await new Promise<void>((resolve) => this.#wakers.add(resolve));
      }
    } finally {
      this.#listeners -= 1;
      if (this.#listeners === 0) for (const left of this.#leftListeners) left();
      signal?.removeEventListener('abort', wake);
    }
  }

  /** Wakes every listener: one takes the request, an ended one ends, the others wait again. */
  #wake(): void {
    const waking = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of waking) wake();
  }
}

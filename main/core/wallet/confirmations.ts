/** Spends that wait for the owner's yes or no, which is given outside of the pages. */
import { randomUUID } from 'node:crypto';
import type { SpendSummary } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Confirmations } from './services.ts';

interface Waiting {
  readonly summary: SpendSummary;
  settle(error: AppError | null): void;
}

/** A page that asks again and again must not bury the owner in questions. */
const WAITING_MAX = 5;

export function createConfirmations(clock: Clock): Confirmations & { stop(): void } {
  const waiting = new Map<string, Waiting>();
  const listeners = new Set<(id: string, summary: SpendSummary) => void>();

  return {
    async ask(summary) {
      if (waiting.size >= WAITING_MAX) {
        throw new AppError('busy', 'Other spends wait for the owner’s answer already.');
      }
      return new Promise<void>((resolve, reject) => {
        const id = randomUUID();
        const timer = clock.after(Math.max(0, summary.expiresAtMs - clock.now()), () =>
          settle(new AppError('not-permitted', 'Nobody confirmed it in time; nothing was sent.')),
        );
        const settle = (error: AppError | null): void => {
          timer.cancel();
          waiting.delete(id);
          if (error === null) resolve();
          else reject(error);
        };
        waiting.set(id, { summary, settle });
        for (const listener of listeners) listener(id, summary);
      });
    },
    waiting: () => [...waiting].map(([id, { summary }]) => ({ id, summary })),
    answer(id, approved) {
      const asked = waiting.get(id);
      if (asked === undefined) {
        throw new AppError('not-found', 'This spend does not wait for an answer any more.');
      }
      asked.settle(
        approved ? null : new AppError('not-permitted', 'The owner declined it; nothing was sent.'),
      );
    },
    onAsked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      for (const { settle } of [...waiting.values()]) {
        settle(new AppError('aborted', 'Idlewatt is ending; nothing was sent.'));
      }
    },
  };
}

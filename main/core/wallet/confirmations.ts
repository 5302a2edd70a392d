/** Holds transfers until the owner confirms or declines them, which happens outside of the pages. */
import { randomUUID } from 'node:crypto';
import type { SpendSummary } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Confirmations } from './services.ts';

interface Waiting {
  readonly summary: SpendSummary;
  settle(error: AppError | null): void;
}

/** A page that requests transfers in a loop must not flood the owner with questions. */
const WAITING_MAX = 5;

export function createConfirmations(clock: Clock): Confirmations & { stop(): void } {
  const waiting = new Map<string, Waiting>();
  const listeners = new Set<(id: string, summary: SpendSummary) => void>();

  return {
    async ask(summary) {
      if (waiting.size >= WAITING_MAX) {
        throw new AppError(
          'busy',
          `${WAITING_MAX} transfers are already waiting for confirmation. Nothing was sent. Answer those first.`,
        );
      }
      return new Promise<void>((resolve, reject) => {
        const id = randomUUID();
        const timer = clock.after(Math.max(0, summary.expiresAtMs - clock.now()), () =>
          settle(new AppError('not-permitted', 'The transfer wasn’t confirmed in time. Nothing was sent.')),
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
      const found = waiting.get(id);
      if (found === undefined) {
        throw new AppError('not-found', 'This transfer is no longer waiting for confirmation.');
      }
      found.settle(
        approved ? null : new AppError('not-permitted', 'The owner declined the transfer. Nothing was sent.'),
      );
    },
    onAsked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      for (const { settle } of [...waiting.values()]) {
        settle(new AppError('aborted', 'Idlewatt is quitting. Nothing was sent.'));
      }
    },
  };
}

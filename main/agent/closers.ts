/** Closes the parts of an agent in the reverse order of their opening. */
import type { Log } from '../ports/log.ts';
import { storageFaultOf } from '../ports/storage.ts';
import type { Close } from './surroundings.ts';

export interface Closers {
  add(close: Close): void;
  /** Runs each closer once. A failing one is logged and doesn't keep the others open: the database comes last. */
  closeAll(): Promise<void>;
}

export function createClosers(log: Log): Closers {
  const closers: Close[] = [];
  return {
    add: (close) => void closers.push(close),
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        try {
          await close();
        } catch (error) {
          if (storageFaultOf(error) === null) log.error('A part of the agent could not be closed', error);
          else log.warn('The last state of a part could not be saved', { cause: messageOf(error) });
        }
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A queue between a callback that delivers and one reader that waits: the pipe of one generation's events. */

export interface EventQueue<T> {
  push(value: T): void;
  /** Nothing follows; what is queued is still read. */
  close(): void;
  /** The reader gets what is queued, then this error. */
  fail(error: Error): void;
  /** The next value, or null after the end. */
  next(): Promise<T | null>;
}

export function createEventQueue<T>(): EventQueue<T> {
  const values: T[] = [];
  let ending: 'open' | 'closed' | Error = 'open';
  let wake: (() => void) | null = null;
  const signal = () => {
    wake?.();
    wake = null;
  };
  return {
    push(value) {
      if (ending !== 'open') return;
      values.push(value);
      signal();
    },
    close() {
      if (ending === 'open') ending = 'closed';
      signal();
    },
    fail(error) {
      if (ending === 'open') ending = error;
      signal();
    },
    async next() {
      while (true) {
        const value = values.shift();
        if (value !== undefined) return value;
        if (ending === 'closed') return null;
        if (ending !== 'open') throw ending;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

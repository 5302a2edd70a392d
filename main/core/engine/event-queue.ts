/** Unbounded queue from callbacks to a single async reader; carries the events of one generation. */

export interface EventQueue<T> {
  push(value: T): void;
  /** Marks the end; queued values can still be read. */
  close(): void;
  /** Makes the reader fail with this error after the queued values. */
  fail(error: Error): void;
  /** Resolves to the next value, or null after the end. */
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

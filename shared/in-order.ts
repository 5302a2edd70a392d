/** Runs asynchronous steps one after another, in the order of the calls, so that two of them never overlap. */

/**
 * Starts the step when all earlier ones have ended, and settles with its result. A failed step rejects only its own
 * caller's promise; the next one still runs.
 */
export type InOrder = <T>(step: () => Promise<T>) => Promise<T>;

/** Creates an independent queue. */
export function createInOrder(): InOrder {
  let last: Promise<void> = Promise.resolve();
  return async (step) => {
    const earlier = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await earlier;
    try {
      return await step();
    } finally {
      resolve();
    }
  };
}

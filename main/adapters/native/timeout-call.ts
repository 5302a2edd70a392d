/** Bounds the waiting for a driver or an X server that may never respond, and limits it to one call at a time. */

const RESULT_MS_MAX = 1_000;

/**
 * Wraps `call` so that it returns null if there is no result in time. While a result is overdue no other call starts, so
 * that a source that hangs holds one thread of Node's pool and not all of them.
 */
export function createTimeoutCall<Result>(
  call: () => Promise<Result | null>,
  resultMsMax: number = RESULT_MS_MAX,
): () => Promise<Result | null> {
  let pending: Promise<Result | null> | null = null;
  return () => {
    pending ??= call()
      .catch(() => null)
      .finally(() => {
        pending = null;
      });
    const result = pending;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), resultMsMax);
      void result.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  };
}

/** A promise that is settled from outside. */

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function defer<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Prevents an unhandled rejection when nobody awaits it, e.g. a reload after a crash; awaiting still rejects.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

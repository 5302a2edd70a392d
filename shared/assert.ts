/** Assertions for bugs: a failure here is our mistake, never the owner's or a peer's. */

/** Ends every switch over a closed union; the compiler proves that it is never reached. */
export function assertNever(value: never, message = 'unexpected value'): never {
  throw new Error(`${message}: ${JSON.stringify(value)}`);
}

/** Throws if an invariant of the program is violated. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Returns the value, or fails with the name of what is missing. */
export function forceUnwrap<T>(message: string, value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error(`assertion failed: ${message}`);
  return value;
}

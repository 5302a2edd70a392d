/** A cell for a value that arrives after its readers were set up. */
export interface Latest<T> {
  /** Null before the first value. */
  get(): T | null;
  set(value: T): void;
}

export function latest<T>(initial?: T | null): Latest<T> {
  let current: T | null = initial ?? null;
  return {
    get: () => current,
    set(value) {
      current = value;
    },
  };
}

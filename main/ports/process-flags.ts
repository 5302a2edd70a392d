/**
 * Flags and environment that keep the memory of an agent's process small. They have no effect once it runs.
 */

/**
 * V8 lets the heap of young objects of a busy agent grow to 134 MB. With halves of 4 MB, a job takes as much CPU time as
 * without a limit.
 */
export const MEMORY_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

/** The C library of Linux gives each of a dozen threads an arena of its own, which took 50 MB. */
export const MEMORY_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2' };

/** Runs a callback when a signal aborts, also if it already has. */

/** Runs it at most once. Returns a function that removes the listener. */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

/**
 * Sets the threads of each step: all that are allowed while prompts are read, and the number that was measured as fastest
 * while only answers are decoded. The library sets one number for both, before each step; this replaces that number.
 */
import type { LlamaContext } from 'node-llama-cpp';
import type { StepThreads } from './steps.ts';
import { createThreadTuner } from './thread-tuner.ts';

/** The private part of the library's context that sets the threads of the next batch. */
interface NativeContext {
  setThreads(threads: number): void;
}

/** Calls `threads` before each batch of the context. Returns false if this version of the library sets threads otherwise. */
export function overrideThreads(context: object, threads: () => number): boolean {
  const native = (context as { _ctx?: Partial<NativeContext> })._ctx;
  const setThreads = native?.setThreads;
  if (native === undefined || setThreads === undefined) return false;
  // The library's own method is read-only on its prototype.
  Object.defineProperty(native, 'setThreads', { value: () => setThreads.call(native, threads()) });
  return true;
}

/**
 * Returns null if there is nothing to choose, or if this version of the library sets threads in another way. `limit` is a
 * further limit for now; null: none.
 */
export function createStepThreads(
  context: LlamaContext,
  threadsMax: number,
  limit: () => number | null = () => null,
): StepThreads | null {
  let wanted = threadsMax;
  if (threadsMax === 1 || !overrideThreads(context, () => wanted)) return null;
  const tuner = createThreadTuner(threadsMax);
  return {
    begin({ answers, promptTokens }) {
      const allowed = Math.min(limit() ?? threadsMax, threadsMax);
      if (promptTokens > 0) {
        wanted = allowed;
        return () => undefined;
      }
      // What is measured under a limit says nothing about the number that was chosen without it.
      wanted = allowed < threadsMax ? allowed : tuner.next(answers);
      if (allowed < threadsMax) return () => undefined;
      const startMs = performance.now();
      return () => tuner.report(performance.now() - startMs);
    },
  };
}

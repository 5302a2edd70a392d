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

/** Returns null if there is nothing to choose, or if this version of the library sets threads in another way. */
export function createStepThreads(context: LlamaContext, threadsMax: number): StepThreads | null {
  const native = (context as unknown as { _ctx?: Partial<NativeContext> })._ctx;
  const setThreads = native?.setThreads;
  if (threadsMax === 1 || native === undefined || setThreads === undefined) return null;
  const tuner = createThreadTuner(threadsMax);
  let wanted = threadsMax;
  // The library's own method is read-only on its prototype.
  Object.defineProperty(native, 'setThreads', { value: () => setThreads.call(native, wanted) });
  return {
    begin({ answers, promptTokens }) {
      if (promptTokens > 0) {
        wanted = threadsMax;
        return () => undefined;
      }
      wanted = tuner.next(answers);
      const startMs = performance.now();
      return () => tuner.report(performance.now() - startMs);
    },
  };
}

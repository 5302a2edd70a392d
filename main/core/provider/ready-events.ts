/** Buffers an engine's events and returns all that are ready together: fewer, larger writes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GenerateEvent } from '../../ports/engine.ts';

export interface ReadyEvents {
  /**
   * Waits for the next event and returns it with all others that have arrived by then. Throws the source's error once
   * everything before it was taken. Must not be called again after an `end`.
   */
  take(): Promise<readonly GenerateEvent[]>;
}

/** Starts reading the source immediately. */
export function readyEvents(source: AsyncIterable<GenerateEvent>): ReadyEvents {
  let ready: GenerateEvent[] = [];
  let failure: { error: unknown } | null = null;
  let finished = false;
  let wake = () => {};

  async function read(): Promise<void> {
    try {
      for await (const event of source) {
        ready.push(event);
        wake();
      }
    } catch (error) {
      failure = { error };
    }
    finished = true;
    wake();
  }
  void read();

  return {
    async take() {
      if (ready.length === 0 && !finished) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        // Events of one engine message arrive in consecutive microtasks: lets all of them arrive.
        await nextTurn();
      }
      if (ready.length === 0) {
        throw failure ? failure.error : new Error('assertion failed: the engine ended without an end event');
      }
      const taken = ready;
      ready = [];
      return taken;
    },
  };
}

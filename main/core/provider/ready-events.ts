/** Takes an engine's events as they come and hands out all that are ready at once: fewer, larger writes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GenerateEvent } from '../../ports/engine.ts';

export interface ReadyEvents {
  /**
   * Waits for the next event and gives it with all others that are there by then. Throws the source's
   * error once everything before it was taken. Not called again after an `end`.
   */
  take(): Promise<readonly GenerateEvent[]>;
}

/** Starts reading the source at once. */
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
        // Events of one engine message arrive in consecutive microtasks: let them all come in.
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

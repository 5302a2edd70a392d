/** Buffers the events of an engine's answers and returns all that are ready together: fewer, larger writes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GenerateEvent } from '../../ports/engine.ts';

type StartEvent = Extract<GenerateEvent, { type: 'start' }>;
type TextEvent = Extract<GenerateEvent, { type: 'text' }>;
type VectorsEvent = Extract<GenerateEvent, { type: 'vectors' }>;
type EndEvent = Extract<GenerateEvent, { type: 'end' }>;

/**
 * An event of a job, which has one answer or several to the same prompt: `start` counts the prompts that were admitted
 * so far and has the sampling of the first answer, and there is one `end` for all answers, with the reason of each.
 */
export type WorkEvent =
  | StartEvent
  | VectorsEvent
  | (TextEvent & { readonly choice: number })
  | (EndEvent & { readonly reasons: readonly EndEvent['reason'][] });

export interface ReadyEvents {
  /**
   * Waits for the next event and returns it with all others that have arrived by then. Throws a source's error once
   * everything before it was taken. Must not be called again after an `end`.
   */
  take(): Promise<readonly WorkEvent[]>;
}

/** Starts reading the sources, one for each answer, immediately. */
export function readyEvents(sources: readonly AsyncIterable<GenerateEvent>[]): ReadyEvents {
  let ready: WorkEvent[] = [];
  let failure: { error: unknown } | null = null;
  let unfinished = sources.length;
  const starts: (StartEvent | undefined)[] = sources.map(() => undefined);
  const ends: (EndEvent | undefined)[] = sources.map(() => undefined);
  let wake = () => {};

  function add(event: GenerateEvent, choice: number): void {
    if (event.type === 'start') {
      // An engine server repeats it once it knows the exact count.
      starts[choice] = event;
      ready.push(joinStarts(starts));
    } else if (event.type === 'text') {
      ready.push({ ...event, choice });
    } else if (event.type === 'vectors') {
      ready.push(event);
    } else if (event.type === 'end') {
      ends[choice] = event;
      const known = ends.filter((end) => end !== undefined);
      if (known.length < sources.length) return;
      ready.push(joinEnds(known));
    }
    wake();
  }

  async function read(source: AsyncIterable<GenerateEvent>, choice: number): Promise<void> {
    try {
      for await (const event of source) add(event, choice);
    } catch (error) {
      failure ??= { error };
    }
    unfinished -= 1;
    wake();
  }
  for (const [choice, source] of sources.entries()) void read(source, choice);

  return {
    async take() {
      if (ready.length === 0 && unfinished > 0 && !failure) {
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

function joinStarts(starts: readonly (StartEvent | undefined)[]): StartEvent {
  const known = starts.filter((start) => start !== undefined);
  return {
    type: 'start',
    inputTokens: known.reduce((sum, start) => sum + start.inputTokens, 0),
    cachedTokens: known.reduce<number | undefined>(
      (total, start) => addReported(total, start.cachedTokens),
      undefined,
    ),
    ...(starts[0]?.sampling && { sampling: starts[0].sampling }),
  };
}

function joinEnds(ends: readonly EndEvent[]): Extract<WorkEvent, { type: 'end' }> {
  const sum = (of: (end: EndEvent) => number) => ends.reduce((total, end) => total + of(end), 0);
  const reasons = ends.map(({ reason }) => reason);
  return {
    type: 'end',
    reason: reasons.includes('aborted') ? 'aborted' : (reasons[0] ?? 'stop'),
    reasons,
    inputTokens: sum((end) => end.inputTokens),
    cachedTokens: ends.reduce<number | undefined>(
      (total, end) => addReported(total, end.cachedTokens),
      undefined,
    ),
    readTokens: sum((end) => end.readTokens ?? end.inputTokens),
    outputTokens: sum((end) => end.outputTokens),
    prefillMs: Math.max(...ends.map(({ prefillMs }) => prefillMs)),
    decodeMs: Math.max(...ends.map(({ decodeMs }) => decodeMs)),
  };
}

/** A count that one of the answers doesn't report is unknown for all of them only if none reports it. */
function addReported(total: number | undefined, count: number | undefined): number | undefined {
  return count === undefined ? total : (total ?? 0) + count;
}

/**
 * Batches events into few messages: all events of one decode step together, and of several fast ones. Each message costs
 * about as much as a token in every layer above: IPC, HTTP, encryption, and the same again at the requester.
 */
import type { EngineEvent } from '../../ports/engine-process.ts';

export interface EventBatch {
  add(event: EngineEvent): void;
}

/** Between two messages: at this pace text looks fluent, however many tokens each has. */
const FLUSH_INTERVAL_MS = 33;

export interface EventBatchClock {
  /** Milliseconds, monotonic. */
  now(): number;
  after(ms: number, then: () => void): void;
}

const SYSTEM: EventBatchClock = {
  now: () => performance.now(),
  after: (ms, then) => setTimeout(then, ms),
};

/**
 * The first text of a response and all other event types are sent in the current turn of the event loop, so that
 * batching never adds to the time to first token.
 */
export function createEventBatch(
  send: (events: EngineEvent[]) => void,
  clock: EventBatchClock = SYSTEM,
): EventBatch {
  let pending: EngineEvent[] = [];
  const texting = new Set<number>();
  let lastFlushMs = Number.NEGATIVE_INFINITY;
  let flushAt: 'never' | 'later' | 'now' = 'never';

  function flush(): void {
    flushAt = 'never';
    if (pending.length === 0) return;
    const events = pending;
    pending = [];
    lastFlushMs = clock.now();
    send(events);
  }

  function schedule(urgent: boolean): void {
    if (flushAt === 'now') return;
    const waitMs = lastFlushMs + FLUSH_INTERVAL_MS - clock.now();
    if (urgent || waitMs <= 0) {
      flushAt = 'now';
      setImmediate(flush);
    } else if (flushAt === 'never') {
      flushAt = 'later';
      clock.after(waitMs, flush);
    }
  }

  return {
    add(event) {
      const last = pending.at(-1);
      if (isPlain(event) && last !== undefined && isPlain(last) && last.id === event.id) {
        pending[pending.length - 1] = {
          ...event,
          text: last.text + event.text,
          tokens: [...last.tokens, ...event.tokens],
        };
      } else {
        pending.push(event);
      }
      const first = event.type === 'text' && !texting.has(event.id);
      if (event.type === 'text') texting.add(event.id);
      if (event.type === 'end' || event.type === 'failed') texting.delete(event.id);
      schedule(first || event.type !== 'text');
    },
  };
}

type TextEvent = Extract<EngineEvent, { type: 'text' }>;

/** True for text without thoughts, calls or probabilities, which may be joined with its neighbors. */
function isPlain(event: EngineEvent): event is TextEvent {
  if (event.type !== 'text') return false;
  return event.reasoning === undefined && event.toolCalls === undefined && event.logprobs === undefined;
}

/** A clock whose time passes only from event to event, and random numbers that a seed repeats. */
import type { Clock, Timer } from '../../../main/ports/clock.ts';

interface Event {
  readonly atMs: number;
  /** Events of the same time run in the order in which they were planned. */
  readonly order: number;
  run: (() => unknown) | null;
}

export interface SimulatedClock extends Clock {
  /** Runs events until none is left or the time is over; all work that an event causes ends before the next one. */
  runUntil(endMs: number): Promise<void>;
}

/** Milliseconds since the epoch at which each simulation starts. */
const EPOCH_MS = 1_800_000_000_000;

export function simulatedClock(): SimulatedClock {
  const heap: Event[] = [];
  let nowMs = 0;
  let planned = 0;

  function plan(delayMs: number, run: () => unknown): Event {
    planned += 1;
    const event = { atMs: nowMs + Math.max(0, delayMs), order: planned, run };
    push(heap, event);
    return event;
  }
  const cancel = (event: Event) => {
    event.run = null;
  };

  return {
    now: () => EPOCH_MS + nowMs,
    monotonic: () => nowMs,
    after(delayMs, run): Timer {
      const event = plan(delayMs, run);
      return { cancel: () => cancel(event) };
    },
    every(intervalMs, run): Timer {
      let event = plan(intervalMs, again);
      function again(): void {
        event = plan(intervalMs, again);
        run();
      }
      return { cancel: () => cancel(event) };
    },
    async runUntil(endMs) {
      for (let event = heap[0]; event !== undefined && event.atMs <= endMs; event = heap[0]) {
        pop(heap);
        const { run } = event;
        if (run === null) continue;
        nowMs = event.atMs;
        run();
        await settled();
      }
      nowMs = endMs;
    },
  };
}

/** Resolves when no promise that is ready has work left. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}

function push(heap: Event[], event: Event): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(event, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    let least = heap[child];
    const right = heap[child + 1];
    if (least !== undefined && right !== undefined && isBefore(right, least)) {
      child += 1;
      least = right;
    }
    if (least === undefined || !isBefore(least, last)) break;
    heap[index] = least;
    index = child;
  }
  heap[index] = last;
}

export interface Random {
  /** From 0 to 1, exclusive. */
  next(): number;
  chance(part: number): boolean;
  between(low: number, high: number): number;
  /** With this median; `spread` is the standard deviation of its logarithm. */
  lognormal(median: number, spread: number): number;
  exponential(mean: number): number;
}

/** Mulberry32: 32 bits of state, good enough to draw samples. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    chance: (part) => next() < part,
    between: (low, high) => low + (high - low) * next(),
    lognormal: (median, spread) => median * Math.exp(spread * normal()),
    exponential: (mean) => -mean * Math.log(1 - next()),
  };
}

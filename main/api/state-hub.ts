/** Keeps pages current: reads each section of the state when it may have changed and sends it to all watchers if it did. */
import type { AgentState, StateSection, StateUpdate } from '../../shared/api/state.ts';
import type { Clock, Timer } from '../ports/clock.ts';

export type SectionReaders = { readonly [Section in StateSection]: () => AgentState[Section] };

export interface StateHub {
  whole(): AgentState;
  /** Returns whether at least one page is watching. */
  watched(): boolean;
  /** Marks sections that may have changed; they are read together a moment later, and those that differ are sent. */
  changed(...sections: StateSection[]): void;
  /** Yields the whole state first, then changed sections, until the signal aborts. */
  watch(signal: AbortSignal | undefined): AsyncGenerator<StateUpdate, void, void>;
  close(): void;
}

/** Changes within this time are sent as one update: short enough to feel live, long enough to cost little. */
const GATHER_MS = 100;

/** A watcher that doesn't read for this many updates gets the whole state again instead. */
const BACKLOG_MAX = 50;

export function createStateHub(options: { readers: SectionReaders; clock: Clock }): StateHub {
  const { readers, clock } = options;
  const dirty = new Set<StateSection>();
  const watchers = new Set<Watcher>();
  /** As all watchers know it, in JSON; a section that isn't here is sent in any case. */
  const known = new Map<StateSection, string>();
  let timer: Timer | null = null;

  const read = <Section extends StateSection>(section: Section, into: Partial<AgentState>) => {
    into[section] = readers[section]() as AgentState[Section];
  };

  const whole = (): AgentState => {
    const state: Partial<AgentState> = {};
    for (const section of Object.keys(readers) as StateSection[]) read(section, state);
    return state as AgentState;
  };

  const flush = () => {
    timer = null;
    const sections: Partial<AgentState> = {};
    for (const section of dirty) {
      read(section, sections);
      const text = JSON.stringify(sections[section]);
      if (known.get(section) === text) delete sections[section];
      known.set(section, text);
    }
    dirty.clear();
    if (Object.keys(sections).length === 0) return;
    for (const watcher of watchers) watcher.send({ type: 'changed', sections });
  };

  return {
    whole,
    watched: () => watchers.size > 0,
    changed(...sections) {
      if (watchers.size === 0) return;
      for (const section of sections) dirty.add(section);
      timer ??= clock.after(GATHER_MS, flush);
    },
    async *watch(signal) {
      const watcher = new Watcher(whole);
      const end = () => watcher.end();
      if (signal?.aborted) end();
      watchers.add(watcher);
      // What it got may be newer than what the others got last.
      known.clear();
      signal?.addEventListener('abort', end);
      try {
        yield* watcher.updates();
      } finally {
        watchers.delete(watcher);
        signal?.removeEventListener('abort', end);
      }
    },
    close() {
      timer?.cancel();
      for (const watcher of watchers) watcher.end();
    },
  };
}

/** One page's queue of updates, which begins with the whole state. */
class Watcher {
  readonly #whole: () => AgentState;
  readonly #queue: StateUpdate[];
  #isEnded = false;
  #wake: (() => void) | null = null;

  constructor(whole: () => AgentState) {
    this.#whole = whole;
    this.#queue = [{ type: 'whole', state: whole() }];
  }

  send(update: StateUpdate): void {
    if (this.#queue.length < BACKLOG_MAX) this.#queue.push(update);
    else this.#queue.splice(0, this.#queue.length, { type: 'whole', state: this.#whole() });
    this.#wake?.();
  }

  /** Ends the updates after those that are queued. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *updates(): AsyncGenerator<StateUpdate, void, void> {
    while (true) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}

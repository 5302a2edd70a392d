/** Keeps what pages show current: reads each section when it changed and sends it to all who watch. */
import type { AgentState, StateSection, StateUpdate } from '../../shared/api/state.ts';
import type { Clock, Timer } from '../ports/clock.ts';

export type SectionReaders = { readonly [Section in StateSection]: () => AgentState[Section] };

export interface StateHub {
  whole(): AgentState;
  /** Whether anybody looks. */
  watched(): boolean;
  /** Marks sections as changed; they are read and sent together a moment later. */
  changed(...sections: StateSection[]): void;
  /** First the whole state, then changes, until the signal aborts. */
  watch(signal: AbortSignal | undefined): AsyncGenerator<StateUpdate, void, void>;
  close(): void;
}

/** Changes within this time are sent as one: enough for a page to feel live, little enough to cost nothing. */
const GATHER_MS = 100;

/** A watcher that does not read for this many updates is sent the whole state again instead. */
const BACKLOG_MAX = 50;

export function createStateHub(options: { readers: SectionReaders; clock: Clock }): StateHub {
  const { readers, clock } = options;
  const dirty = new Set<StateSection>();
  const watchers = new Set<(update: StateUpdate | null) => void>();
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
    for (const section of dirty) read(section, sections);
    dirty.clear();
    for (const send of watchers) send({ type: 'changed', sections });
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
      const queue: StateUpdate[] = [{ type: 'whole', state: whole() }];
      let wake: (() => void) | null = null;
      let ended = signal?.aborted ?? false;
      const send = (update: StateUpdate | null) => {
        if (update === null) ended = true;
        else if (queue.length >= BACKLOG_MAX)
          queue.splice(0, queue.length, { type: 'whole', state: whole() });
        else queue.push(update);
        wake?.();
      };
      const stop = () => send(null);
      watchers.add(send);
      signal?.addEventListener('abort', stop);
      try {
        while (true) {
          const next = queue.shift();
          if (next !== undefined) yield next;
          else if (ended) return;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
            wake = null;
          }
        }
      } finally {
        watchers.delete(send);
        signal?.removeEventListener('abort', stop);
      }
    },
    close() {
      timer?.cancel();
      for (const send of watchers) send(null);
    },
  };
}

/** The requests of one engine: who waits, who holds a sequence, and what each was given so far. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { EngineCommand } from '../../ports/engine-process.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';

interface Generation {
  readonly id: number;
  readonly request: GenerateRequest;
  readonly events: EventQueue<GenerateEvent>;
  inputTokens: number;
  deliveredTokens: number;
  startedAtMs: number;
  firstTokenAtMs: number | null;
}

export interface GenerationsOptions {
  readonly clock: Clock;
  readonly send: (command: EngineCommand) => void;
  /** Called when the number of busy sequences changes. */
  readonly onActive: (count: number) => void;
}

export interface Generations {
  /** A model with this many sequences is ready: those who wait get their turn. */
  open(sequences: number): void;
  /** No more turns are given until the next `open`. */
  close(): void;
  /** Waits for a sequence and passes on what comes. Leaving the iteration aborts. */
  run(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void>;
  deliver(event: GenerateEvent | AppError, id: number): void;
  /** Requests that hold a sequence. */
  active(): number;
  /** Asks the process to stop all of them; their ends still arrive. */
  abortActive(): void;
  /** The process is gone on request: ends with what was delivered. */
  endActive(reason: 'aborted'): void;
  /** The process is gone unasked: `engine-failed` with `details.deliveredTokens`. */
  failActive(message: string): void;
  failWaiting(error: AppError): void;
  failAll(error: AppError): void;
}

export function createGenerations({ clock, send, onActive }: GenerationsOptions): Generations {
  let sequences = 0;
  let lastId = 0;
  let waiting: Generation[] = [];
  const active = new Map<number, Generation>();

  function giveTurns(): void {
    while (active.size < sequences) {
      const generation = waiting.shift();
      if (!generation) return;
      generation.startedAtMs = clock.monotonic();
      active.set(generation.id, generation);
      send({ type: 'generate', id: generation.id, request: mutable(generation.request) });
      onActive(active.size);
    }
  }

  function finish(generation: Generation): void {
    if (!active.delete(generation.id)) return;
    onActive(active.size);
    giveTurns();
  }

  function abortedEnd(generation: Generation): GenerateEvent {
    const now = clock.monotonic();
    const firstTokenAtMs = generation.firstTokenAtMs ?? now;
    return {
      type: 'end',
      reason: 'aborted',
      inputTokens: generation.inputTokens,
      outputTokens: generation.deliveredTokens,
      prefillMs: Math.max(0, firstTokenAtMs - generation.startedAtMs),
      decodeMs: Math.max(0, now - firstTokenAtMs),
    };
  }

  function abort(generation: Generation): void {
    if (active.has(generation.id)) {
      send({ type: 'abort', id: generation.id });
      return;
    }
    if (!waiting.includes(generation)) return;
    waiting = waiting.filter((other) => other !== generation);
    generation.startedAtMs = clock.monotonic();
    generation.events.push(abortedEnd(generation));
    generation.events.close();
  }

  function failWaiting(error: AppError): void {
    const refused = waiting;
    waiting = [];
    for (const generation of refused) generation.events.fail(error);
  }

  function failActive(message: string): void {
    const broken = [...active.values()];
    active.clear();
    for (const generation of broken) {
      const details = { deliveredTokens: generation.deliveredTokens };
      generation.events.fail(new AppError('engine-failed', message, { details }));
    }
  }

  return {
    open(count) {
      sequences = count;
      giveTurns();
    },
    close() {
      sequences = 0;
    },
    async *run(request, signal) {
      lastId += 1;
      const generation: Generation = {
        id: lastId,
        request,
        events: createEventQueue(),
        inputTokens: 0,
        deliveredTokens: 0,
        startedAtMs: 0,
        firstTokenAtMs: null,
      };
      waiting.push(generation);
      const onAbort = () => abort(generation);
      try {
        if (signal.aborted) onAbort();
        else {
          signal.addEventListener('abort', onAbort, { once: true });
          giveTurns();
        }
        while (true) {
          const event = await generation.events.next();
          if (!event) return;
          yield event;
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        abort(generation);
      }
    },
    deliver(event, id) {
      const generation = active.get(id);
      if (!generation) return;
      if (event instanceof AppError) {
        const details = { ...event.details, deliveredTokens: generation.deliveredTokens };
        generation.events.fail(new AppError(event.code, event.message, { details }));
        finish(generation);
        return;
      }
      if (event.type === 'start') generation.inputTokens = event.inputTokens;
      if (event.type === 'text') {
        generation.firstTokenAtMs ??= clock.monotonic();
        generation.deliveredTokens += event.tokens.length;
      }
      generation.events.push(event);
      if (event.type === 'end') {
        generation.events.close();
        finish(generation);
      }
    },
    active: () => active.size,
    abortActive() {
      for (const id of active.keys()) send({ type: 'abort', id });
    },
    endActive() {
      const ended = [...active.values()];
      active.clear();
      for (const generation of ended) {
        generation.events.push(abortedEnd(generation));
        generation.events.close();
      }
    },
    failActive,
    failWaiting,
    failAll(error) {
      failWaiting(error);
      failActive(error.message);
    },
  };
}

/** The request as the message schema types it, which knows no `readonly`. */
function mutable(request: GenerateRequest): Extract<EngineCommand, { type: 'generate' }>['request'] {
  const { prompt } = request;
  return {
    ...request,
    stop: [...request.stop],
    prompt: prompt.kind === 'chat' ? { ...prompt, messages: [...prompt.messages] } : prompt,
  };
}

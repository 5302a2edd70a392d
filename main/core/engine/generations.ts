/** Schedules the requests of one engine: by rank, then the requesters in turn, patient requests last, never more than there are sequences. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { EngineCommand } from '../../ports/engine-process.ts';
import { Generation } from './generation.ts';
import { Turns } from './turns.ts';

export interface GenerationsOptions {
  readonly clock: Clock;
  readonly send: (command: EngineCommand) => void;
  /** Called when the number of busy sequences changes. */
  readonly onActive: (count: number) => void;
  /** Maximum time from a request's sequence to its first event. */
  readonly beginMsMax: number;
  /** Called when a request took longer and was failed: the process computes without end. */
  readonly onStuck: () => void;
}

/**
 * A stopped machine stops this process too, and its timers are due before the engine's events have arrived: the engine
 * gets this much time more.
 */
const LATE_MS = 5_000;

export class Generations {
  readonly #options: GenerationsOptions;
  readonly #active = new Map<number, Generation>();
  /** Until the first event of an active request. */
  readonly #deadlines = new Map<number, Timer>();
  readonly #turns = new Turns();
  #waiting: Generation[] = [];
  #sequences = 0;
  #lastId = 0;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** Number of requests that hold a sequence. */
  get active(): number {
    return this.#active.size;
  }

  /** Starts waiting requests: a model with this many sequences is ready. */
  open(sequences: number): void {
    this.#sequences = sequences;
    this.#startWaiting();
  }

  /** Starts no further request until the next `open`. */
  close(): void {
    this.#sequences = 0;
  }

  /** Waits for a sequence and yields the events of the request. Leaving the iteration aborts. */
  async *run(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void> {
    this.#lastId += 1;
    const generation = new Generation(this.#lastId, request, this.#options.clock);
    this.#waiting.push(generation);
    const onAbort = () => this.#abort(generation);
    try {
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener('abort', onAbort, { once: true });
        this.#startWaiting();
      }
      yield* generation.events();
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#abort(generation);
    }
  }

  /** Passes an event or a failure from the process on to its request; ignored if that is no longer active. */
  deliver(event: GenerateEvent | AppError, id: number): void {
    const generation = this.#active.get(id);
    if (!generation) return;
    this.#begun(id);
    if (event instanceof AppError) generation.fail(event);
    else generation.accept(event);
    if (event instanceof AppError || event.type === 'end') this.#finish(generation);
  }

  /** Has the process stop all active requests; their `end` events still arrive. */
  abortActive(): void {
    for (const id of this.#active.keys()) this.#options.send({ type: 'abort', id });
  }

  /** Ends all active requests as aborted, with what was delivered: the process was stopped on purpose. */
  endActive(): void {
    for (const generation of this.#takeActive()) generation.endAborted();
  }

  /** Fails all active requests with `engine-failed` and `details.deliveredTokens`: the process died. */
  failActive(message: string): void {
    for (const generation of this.#takeActive()) generation.fail(new AppError('engine-failed', message));
  }

  failWaiting(error: AppError): void {
    const refused = this.#waiting;
    this.#waiting = [];
    for (const generation of refused) generation.refuse(error);
  }

  failAll(error: AppError): void {
    this.failWaiting(error);
    this.failActive(error.message);
  }

  #startWaiting(): void {
    const { send, onActive } = this.#options;
    while (this.#active.size < this.#sequences) {
      const next = this.#turns.next(this.#waiting.map(({ request }) => request));
      const [generation] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (!generation) return;
      this.#turns.note(generation.request);
      generation.start();
      this.#active.set(generation.id, generation);
      const { clock, beginMsMax } = this.#options;
      const { id } = generation;
      const late = () =>
        this.#deadlines.set(
          id,
          clock.after(LATE_MS, () => this.#failStuck(generation)),
        );
      this.#deadlines.set(id, clock.after(beginMsMax, late));
      const { isPatient: _, rank: __, ...request } = generation.request;
      send({ type: 'generate', id, request });
      onActive(this.#active.size);
    }
  }

  /** Rendering and tokenizing a prompt takes seconds at most; a template without end takes the whole process. */
  #failStuck(generation: Generation): void {
    this.#begun(generation.id);
    this.#active.delete(generation.id);
    generation.fail(new AppError('bad-request', 'The model’s chat template doesn’t end for these messages.'));
    this.#options.onStuck();
  }

  #begun(id: number): void {
    this.#deadlines.get(id)?.cancel();
    this.#deadlines.delete(id);
  }

  #finish(generation: Generation): void {
    if (!this.#active.delete(generation.id)) return;
    this.#options.onActive(this.#active.size);
    this.#startWaiting();
  }

  #abort(generation: Generation): void {
    if (this.#active.has(generation.id)) {
      this.#options.send({ type: 'abort', id: generation.id });
      return;
    }
    if (!this.#waiting.includes(generation)) return;
    this.#waiting = this.#waiting.filter((other) => other !== generation);
    generation.endAborted();
  }

  #takeActive(): Generation[] {
    const taken = [...this.#active.values()];
    for (const { id } of taken) this.#begun(id);
    this.#active.clear();
    return taken;
  }
}

/** One generate request: its progress, its events for the reader, and how it ends. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import { createEventQueue } from './event-queue.ts';

export class Generation {
  readonly id: number;
  readonly request: GenerateRequest;
  readonly #clock: Clock;
  readonly #events = createEventQueue<GenerateEvent>();
  #inputTokens = 0;
  #deliveredTokens = 0;
  #startedAtMs: number | null = null;
  #firstTokenAtMs: number | null = null;

  constructor(id: number, request: GenerateRequest, clock: Clock) {
    this.id = id;
    this.request = request;
    this.#clock = clock;
  }

  /** Records that the request has been given a sequence. */
  start(): void {
    this.#startedAtMs = this.#clock.monotonic();
  }

  /** Passes an event of the engine process on to the reader. */
  accept(event: GenerateEvent): void {
    if (event.type === 'start') this.#inputTokens = event.inputTokens;
    if (event.type === 'text') {
      this.#firstTokenAtMs ??= this.#clock.monotonic();
      this.#deliveredTokens += event.tokens.length;
    }
    this.#events.push(event);
    if (event.type === 'end') this.#events.close();
  }

  /** Ends with reason `aborted` and the counts so far. */
  endAborted(): void {
    const nowMs = this.#clock.monotonic();
    const startedAtMs = this.#startedAtMs ?? nowMs;
    const firstTokenAtMs = this.#firstTokenAtMs ?? nowMs;
    this.accept({
      type: 'end',
      reason: 'aborted',
      inputTokens: this.#inputTokens,
      // The process is gone: before the first token, how far it had read is unknown.
      readTokens: this.#deliveredTokens > 0 ? this.#inputTokens : 0,
      outputTokens: this.#deliveredTokens,
      prefillMs: Math.max(0, firstTokenAtMs - startedAtMs),
      decodeMs: Math.max(0, nowMs - firstTokenAtMs),
    });
  }

  /** Fails after it was given a sequence; `details.deliveredTokens` is added to the error. */
  fail({ code, message, details }: AppError): void {
    const deliveredTokens = this.#deliveredTokens;
    this.#events.fail(new AppError(code, message, { details: { ...details, deliveredTokens } }));
  }

  /** Fails a request that was never given a sequence. */
  refuse(error: AppError): void {
    this.#events.fail(error);
  }

  /** Yields the events until the end. Fails as the generation does. */
  async *events(): AsyncGenerator<GenerateEvent, void> {
    while (true) {
      const event = await this.#events.next();
      if (!event) return;
      yield event;
    }
  }
}

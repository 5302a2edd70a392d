/** Writes server-sent events (WHATWG HTML, section 9.2) to a response body, with back-pressure. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface EventStreamOptions {
  readonly clock: Clock;
  /** A reader that takes nothing for this long counts as disconnected. */
  readonly stallMs: number;
  /** Time without an event after which a comment is sent to keep the connection alive; by default none is sent. */
  readonly quietMsMax?: number;
  /** Called when the reader disconnects before the source has ended; the source's `return` is called right after. */
  readonly onGone: () => void;
}

/** A comment, which clients ignore: shows that the stream is alive. */
export const COMMENT = ': still here\n\n';

/**
 * A response body from a generator of text. The generator is started immediately, so that its `finally` runs in any
 * case; from then on its next piece is requested only after the connection has taken the last one.
 */
export function eventStream(
  source: AsyncGenerator<string, void>,
  { clock, stallMs, quietMsMax, onGone }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let gone = false;
  async function leave(): Promise<void> {
    gone = true;
    onGone();
    await source.return();
  }
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): Timer {
    return clock.after(stallMs, () => {
      controller.error(new AppError('aborted', `The reader took nothing for ${stallMs} ms.`));
      leave().catch(() => {
        // The generator failed while it ended; it reports its own failures.
      });
    });
  }
  /** Resolves to null if nothing arrived in time. */
  function soon(taken: Promise<IteratorResult<string, void>>): Promise<IteratorResult<string, void> | null> {
    if (quietMsMax === undefined) return taken;
    const { promise: quiet, resolve } = Promise.withResolvers<null>();
    const timer = clock.after(quietMsMax, () => resolve(null));
    return Promise.race([taken, quiet]).finally(() => timer.cancel());
  }
  let stall: Timer | null = null;
  let next: Promise<IteratorResult<string, void>> | null = source.next();
  // The first pull handles a failure; without a pull it must not count as unhandled.
  next.catch(() => {});
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stall = watch(controller);
      },
      async pull(controller) {
        stall?.cancel();
        next ??= source.next();
        const taken = await soon(next);
        if (gone) return;
        if (taken !== null) next = null;
        if (taken?.done) {
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(taken?.value ?? COMMENT));
        stall = watch(controller);
      },
      async cancel() {
        stall?.cancel();
        await leave();
      },
    },
    { highWaterMark: 0 },
  );
}

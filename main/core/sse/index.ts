/** Server-sent events (WHATWG HTML, section 9.2), written with back-pressure and read in batches. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** One event; `event` is null for the default kind. */
export interface ServerEvent {
  readonly event: string | null;
  readonly data: string;
}

/** A named event as text; its data is one line. */
export function namedEvent(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface EventStreamOptions {
  readonly clock: Clock;
  /** A reader that takes nothing for this long is gone. */
  readonly stallMs: number;
  /** After so long without an event a comment says that the connection lives; never by default. */
  readonly quietMsMax?: number;
  /** The reader is gone before the source ended; the source's `return` is called right after. */
  readonly onGone: () => void;
}

/** Clients pass over it. */
const COMMENT = ': still here\n\n';

/**
 * A response body from a generator of text. It is started at once, so that its `finally` runs whatever
 * happens to the response; from then on nothing is asked of it before the connection took what it gave.
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
      controller.error(new AppError('aborted', 'The reader took nothing for too long.'));
      leave().catch(() => {
        // The generator's own end failed; it has told whoever needs to know.
      });
    });
  }
  /** Null when nothing came in time. */
  function soon(taken: Promise<IteratorResult<string, void>>): Promise<IteratorResult<string, void> | null> {
    if (quietMsMax === undefined) return taken;
    const { promise: quiet, resolve } = Promise.withResolvers<null>();
    const timer = clock.after(quietMsMax, () => resolve(null));
    return Promise.race([taken, quiet]).finally(() => timer.cancel());
  }
  let stall: Timer | null = null;
  let next: Promise<IteratorResult<string, void>> | null = source.next();
  // Seen by the first pull; without one it must not count as unhandled.
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

/** Events longer than this are not events of ours. */
const EVENT_CHARACTERS_MAX = 256 * 1024;

/** Reads events; each batch holds all that one network read completed. Fails with `bad-request` on giants. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent[], void> {
  const decoder = new TextDecoder();
  let rest = '';
  let event: string | null = null;
  let data: string[] = [];
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const batch: ServerEvent[] = [];
    let from = 0;
    for (let at = rest.indexOf('\n', from); at !== -1; at = rest.indexOf('\n', from)) {
      const line = rest.slice(from, rest[at - 1] === '\r' && at > from ? at - 1 : at);
      from = at + 1;
      if (line === '') {
        if (data.length > 0) batch.push({ event, data: data.join('\n') });
        event = null;
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    rest = rest.slice(from);
    if (rest.length + data.reduce((sum, part) => sum + part.length, 0) > EVENT_CHARACTERS_MAX) {
      throw new AppError('bad-request', 'An event of the stream is too long.');
    }
    if (batch.length > 0) yield batch;
  }
}

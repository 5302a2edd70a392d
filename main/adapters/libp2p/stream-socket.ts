/** Adapts a libp2p stream to the socket that Node's HTTP server and undici expect, with back-pressure both ways. */
import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';

/** Counts the bytes of one stream. */
export interface StreamCounter {
  received(bytes: number): void;
  sent(bytes: number): void;
}

interface Total {
  inBytes: number;
  outBytes: number;
}

/** Counts transferred bytes, in total and for each relay. */
export interface TrafficCounter {
  /** For a stream that leads over this relay; null: over none. */
  stream(relay: string | null): StreamCounter;
  total(): Readonly<Total>;
  /** Over this relay, a peer ID. */
  over(relay: string): Readonly<Total>;
}

/** Relays that are counted; the oldest are forgotten first. */
const COUNTED_RELAYS_MAX = 64;

export function countTraffic(): TrafficCounter {
  const total: Total = { inBytes: 0, outBytes: 0 };
  const relays = new Map<string, Total>();
  function totalOf(relay: string): Total {
    const known = relays.get(relay);
    if (known) return known;
    const made = { inBytes: 0, outBytes: 0 };
    relays.set(relay, made);
    const [oldest] = relays.keys();
    if (relays.size > COUNTED_RELAYS_MAX && oldest !== undefined) relays.delete(oldest);
    return made;
  }
  return {
    stream(relay) {
      const counts = relay === null ? [total] : [total, totalOf(relay)];
      return {
        received(bytes) {
          for (const count of counts) count.inBytes += bytes;
        },
        sent(bytes) {
          for (const count of counts) count.outBytes += bytes;
        },
      };
    },
    total: () => ({ ...total }),
    over: (relay) => ({ ...(relays.get(relay) ?? { inBytes: 0, outBytes: 0 }) }),
  };
}

/** Longer than a service itself waits for a requester that doesn't read, so that the service decides first. */
const DRAIN_MS_MAX = 90_000;

/** Duplex over one libp2p stream; destroying it with an error resets the stream. */
export class StreamSocket extends Duplex {
  /** The peer ID of the other end, verified by the connection. */
  readonly peer: string;
  readonly remoteAddress: string;
  /** Resolves when both sides have ended the stream; the socket may close before, when this side has. */
  readonly over: Promise<void>;
  readonly #stream: Stream;
  readonly #traffic: StreamCounter;
  /** Called when bytes arrive. */
  onBytes: (() => void) | null = null;
  #timeoutMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Stream, peer: string, traffic: StreamCounter) {
    super({ allowHalfOpen: true });
    this.peer = peer;
    this.remoteAddress = `/p2p/${peer}`;
    this.#stream = stream;
    this.#traffic = traffic;
    stream.pause();
    stream.addEventListener('message', (event) => {
      const bytes = event.data.subarray();
      traffic.received(bytes.byteLength);
      this.#restartTimer();
      this.onBytes?.();
      if (!this.push(bytes) && this.#readable()) stream.pause();
      if (stream.readableEnded) this.#endLater();
    });
    stream.addEventListener('end', () => this.#endLater());
    this.over = new Promise((resolve) => {
      stream.addEventListener('close', (event) => {
        this.#endLater(event.error);
        resolve();
      });
    });
    // A stream that was closed while its protocol was negotiated has ended before its first bytes are read.
    if (stream.readableEnded && stream.readBufferLength === 0) this.push(null);
  }

  /**
   * Ends the readable side in a later turn, as the end of a TCP connection comes in a later turn than its last bytes:
   * undici loses an end that follows the headers within a turn, and the body of its response would never end.
   */
  #endLater(error?: Error): void {
    setImmediate(() => {
      if (error) this.destroy(error);
      // A reset ends the stream first and reports its error after that.
      else if (this.#stream.status !== 'reset' && this.#stream.status !== 'aborted') this.push(null);
    });
  }

  #readable(): boolean {
    return this.#stream.readStatus !== 'closed' && this.#stream.readStatus !== 'closing';
  }

  override _read(): void {
    if (this.#readable()) this.#stream.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#deliver(chunk, done);
  }

  /** Sends queued chunks (headers and first event, several events) as one message. */
  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#deliver(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #deliver(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    this.#restartTimer();
    try {
      this.#traffic.sent(chunk.byteLength);
      if (this.#stream.send(chunk)) done();
      else this.#drain(done);
    } catch (error) {
      done(error instanceof Error ? error : new Error('stream closed'));
    }
  }

  /** Waits until the peer takes more. A peer that doesn't would otherwise keep the rest in memory for ever. */
  #drain(done: (error?: Error | null) => void): void {
    const timer = setTimeout(() => this.destroy(new Error('the peer takes no data')), DRAIN_MS_MAX);
    timer.unref();
    this.#stream
      .onDrain()
      .then(() => done(), done)
      .finally(() => clearTimeout(timer));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.close().then(
      () => done(),
      () => done(),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    // After a clean end `_final` has flushed the writes; everything else is a reset.
    if (error || !this.writableFinished) this.#stream.abort(error ?? new Error('socket destroyed'));
    else this.#stream.close().catch((cause: Error) => this.#stream.abort(cause));
    done(error);
  }

  /** Ends both sides of the stream, also of one that this side has ended. */
  reset(error: Error): void {
    this.destroy(error);
    this.#stream.abort(error);
  }

  /** Like `net.Socket`: emits `timeout` after this time without bytes; 0 turns it off. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    this.#timeoutMs = timeoutMs;
    if (listener) this.once('timeout', listener);
    this.#restartTimer();
    return this;
  }

  #restartTimer(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs <= 0 || this.destroyed) return;
    this.#timer = setTimeout(() => this.emit('timeout'), this.#timeoutMs);
    this.#timer.unref();
  }

  /** Ends after all queued chunks were written, like `net.Socket`. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

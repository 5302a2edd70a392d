/** A libp2p stream as the socket that Node's HTTP server and undici expect, with back-pressure both ways. */
import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';

/** Counts bytes as they pass. */
export interface TrafficCounter {
  received(bytes: number): void;
  sent(bytes: number): void;
}

/** Duplex over one libp2p stream; destroying it with an error resets the stream. */
export class StreamSocket extends Duplex {
  /** The peer at the other end, as the connection proved it. */
  readonly peer: string;
  readonly remoteAddress: string;
  readonly #stream: Stream;
  readonly #traffic: TrafficCounter;
  #timeoutMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Stream, peer: string, traffic: TrafficCounter) {
    super({ allowHalfOpen: true });
    this.peer = peer;
    this.remoteAddress = `/p2p/${peer}`;
    this.#stream = stream;
    this.#traffic = traffic;
    stream.pause();
    stream.addEventListener('message', (event) => {
      const bytes = event.data.subarray();
      traffic.received(bytes.byteLength);
      this.#touch();
      if (!this.push(bytes) && this.#readable()) stream.pause();
    });
    stream.addEventListener('end', () => {
      this.push(null);
    });
    stream.addEventListener('close', (event) => {
      if (event.error) this.destroy(event.error);
      else this.push(null);
    });
    if (stream.readableEnded) this.push(null);
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

  /** Chunks that queued up (headers and first event, several events) travel as one message. */
  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#deliver(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #deliver(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    this.#touch();
    try {
      this.#traffic.sent(chunk.byteLength);
      if (this.#stream.send(chunk)) done();
      else this.#stream.onDrain().then(() => done(), done);
    } catch (error) {
      done(error instanceof Error ? error : new Error('stream closed'));
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.close().then(
      () => done(),
      () => done(),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    // What was written before a clean end is flushed by `_final`; everything else is a reset.
    if (error || !this.writableFinished) this.#stream.abort(error ?? new Error('socket destroyed'));
    else this.#stream.close().catch((cause: Error) => this.#stream.abort(cause));
    done(error);
  }

  /** As `net.Socket`: emits `timeout` after this long without bytes; 0 turns it off. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    this.#timeoutMs = timeoutMs;
    if (listener) this.once('timeout', listener);
    this.#touch();
    return this;
  }

  #touch(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs <= 0 || this.destroyed) return;
    this.#timer = setTimeout(() => this.emit('timeout'), this.#timeoutMs);
    this.#timer.unref();
  }

  /** Ends after what is queued was written, as `net.Socket` does. */
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

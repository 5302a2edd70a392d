/** Turns what a child process prints into log lines: the engine's libraries, the practice requester, helpers. */
import { StringDecoder } from 'node:string_decoder';
import type { Log } from '../../ports/log.ts';

export type OutputLevel = 'debug' | 'info' | 'warn';

export interface ChildOutputOptions {
  readonly stream: NodeJS.ReadableStream;
  /** A child logger with the component of the process. */
  readonly log: Log;
  /** `warn` for every line unless stated. */
  readonly levelOf?: (line: string) => OutputLevel;
  /** More lines per second are counted, not written; 50 unless stated. */
  readonly linesPerSecondMax?: number;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic?: () => number;
}

const LINES_PER_SECOND_MAX = 50;
const WINDOW_MS = 1_000;
/** The rest of a longer line is dropped: a child must not fill this process's memory. */
const LINE_CHARACTERS_MAX = 2_000;

/** Writes each line of the stream to the log until it ends. */
export function logChildOutput(options: ChildOutputOptions): void {
  const { stream, log, levelOf = () => 'warn', monotonic = () => performance.now() } = options;
  const budget = new Budget(options.linesPerSecondMax ?? LINES_PER_SECOND_MAX, log);
  const write = (line: string) => {
    // Control characters could move the cursor of a terminal that prints the log.
    const text = line.replaceAll(/\p{Cc}/gu, ' ').trim();
    if (text !== '' && budget.take(monotonic())) log[levelOf(text)](text);
  };
  const lines = new LineSplitter(write);
  stream.on('data', (chunk: Buffer) => lines.push(chunk));
  stream.once('close', () => {
    lines.end();
    budget.end();
  });
  // A pipe breaks when its child exits; the exit itself is handled elsewhere.
  stream.on('error', () => undefined);
}

const TROUBLE =
  /\b(error|errors|failed|failure|fatal|panic|abort(ed)?|assert(ion)?|exception|denied|segmentation fault|out of memory|cannot|unable|terminate called|warning)\b|_ASSERT/i;

/**
 * llama.cpp and its drivers print hundreds of lines per load: only those that look like problems get a higher level.
 */
export function levelOfEngineLine(line: string): OutputLevel {
  return TROUBLE.test(line) ? 'warn' : 'debug';
}

class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #write: (line: string) => void;
  #rest = '';

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  push(chunk: Buffer): void {
    const pieces = this.#decoder.write(chunk).split(/\r\n|\r|\n/);
    const last = pieces.pop() ?? '';
    for (const piece of pieces) {
      this.#write(cut(this.#rest + piece));
      this.#rest = '';
    }
    this.#rest = cut(this.#rest + last);
  }

  end(): void {
    this.#write(cut(this.#rest + this.#decoder.end()));
    this.#rest = '';
  }
}

function cut(line: string): string {
  return line.slice(0, LINE_CHARACTERS_MAX);
}

class Budget {
  readonly #linesMax: number;
  readonly #log: Log;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #dropped = 0;

  constructor(linesMax: number, log: Log) {
    this.#linesMax = linesMax;
    this.#log = log;
  }

  take(nowMs: number): boolean {
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.end();
      this.#windowStartMs = nowMs;
      this.#written = 0;
    }
    if (this.#written >= this.#linesMax) {
      this.#dropped += 1;
      return false;
    }
    this.#written += 1;
    return true;
  }

  /** Reports what was dropped since the last report. */
  end(): void {
    if (this.#dropped > 0) {
      this.#log.debug(`${this.#dropped} lines of output dropped: too many per second.`);
    }
    this.#dropped = 0;
  }
}

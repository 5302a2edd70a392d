/** The `Log` port on pino: JSON lines in a rotating file, redacted, within a budget per component. */
import { randomBytes } from 'node:crypto';
import pino, { type Logger } from 'pino';
import type { Log, LogFields, LogLevel, LogThreshold } from '../../ports/log.ts';
import { LineBudget } from './line-budget.ts';
import { describeError, redactFields } from './redaction.ts';
import { RotatingFile } from './rotating-file.ts';
import { redactText } from './secret-shapes.ts';

export interface LogFileOptions {
  /** Absolute path of the log folder; created (mode 0700) when it is missing. */
  readonly folder: string;
  /** The process: `agent` or `shell`. */
  readonly name: string;
  readonly level: LogThreshold;
  /** 5 MB unless stated. */
  readonly fileBytesMax?: number;
  /** One day unless stated. */
  readonly fileAgeMsMax?: number;
  /** All files of this name together: 50 MB unless stated. */
  readonly totalBytesMax?: number;
  /** 100 unless stated; warnings and errors have as many again. */
  readonly linesPerSecondMax?: number;
  /** Receives each warning and error as one redacted line of text, for example to print it. */
  readonly onProblem?: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface LogFile {
  readonly log: Log;
  /** Writes what is still to be reported and closes the file; later lines open it again. */
  close(): void;
}

const MEGABYTE = 1_000_000;
const DAY_MS = 86_400_000;
const INCIDENT_BYTES = 4;
/** Names that every line uses for itself. */
const OWN_NAMES = new Set(['time', 'level', 'component', 'msg', 'err', 'incident']);

/** Opens the log of one process. Nothing here throws: a log that can't be written loses lines and counts them. */
export function openLogFile(options: LogFileOptions): LogFile {
  const sink = new Sink(options);
  return { log: new ComponentLog(sink, options.name), close: () => sink.close() };
}

/** Shared by all components: one file, one budget, one count of lost lines. */
class Sink {
  readonly #file: RotatingFile;
  readonly #logger: Logger;
  readonly #budget: LineBudget;
  readonly #now: () => number;
  readonly #onProblem: (line: string) => void;
  #lost = 0;

  constructor(options: LogFileOptions) {
    const now = options.now ?? Date.now;
    this.#now = now;
    this.#onProblem = options.onProblem ?? (() => undefined);
    this.#budget = new LineBudget(options.linesPerSecondMax ?? 100);
    this.#file = new RotatingFile({
      folder: options.folder,
      name: options.name,
      fileBytesMax: options.fileBytesMax ?? 5 * MEGABYTE,
      fileAgeMsMax: options.fileAgeMsMax ?? DAY_MS,
      totalBytesMax: options.totalBytesMax ?? 50 * MEGABYTE,
      now,
    });
    this.#logger = pino(
      {
        level: options.level,
        base: null,
        timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
        formatters: { level: (level) => ({ level }) },
        // pino's own would merge the causes' texts into one.
        serializers: { err: (described: unknown) => described },
      },
      { write: (line) => this.#append(line) },
    );
  }

  isWritten(level: LogLevel): boolean {
    return this.#logger.isLevelEnabled(level);
  }

  write(level: LogLevel, component: string, message: string, fields: () => Record<string, unknown>): void {
    if (!this.isWritten(level)) return;
    try {
      const nowMs = this.#now();
      const isUrgent = level === 'warn' || level === 'error';
      const fits = this.#budget.take(isUrgent ? `${component} (${level})` : component, nowMs);
      this.#reportDropped(nowMs, false);
      if (!fits) return;
      const written = fields();
      const text = redactText(message);
      this.#logger[level]({ component, ...written }, text);
      if (isUrgent) this.#onProblem(problemText(level, component, text, written));
    } catch {
      // A field that can't be read, for instance.
      this.#lost += 1;
    }
  }

  close(): void {
    this.#reportDropped(this.#now(), true);
    this.#file.close();
  }

  #reportDropped(nowMs: number, includeCurrent: boolean): void {
    for (const { source, count } of this.#budget.collect(nowMs, { includeCurrent })) {
      this.#logger.warn({ component: 'log', source, count }, `${count} lines dropped: too many per second.`);
    }
  }

  #append(line: string): void {
    if (!this.#file.write(line)) {
      this.#lost += 1;
      return;
    }
    const count = this.#lost;
    if (count === 0) return;
    // Before the report, which comes through here, too.
    this.#lost = 0;
    this.#logger.warn({ component: 'log', count }, `${count} lines lost: the log could not be written.`);
  }
}

class ComponentLog implements Log {
  readonly #sink: Sink;
  readonly #component: string;

  constructor(sink: Sink, component: string) {
    this.#sink = sink;
    this.#component = component;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, error: unknown, fields: LogFields = {}): string {
    if (!this.#sink.isWritten('error')) return 'none';
    const incident = randomBytes(INCIDENT_BYTES).toString('hex');
    this.#sink.write('error', this.#component, message, () => ({
      ...writable(fields),
      err: describeError(error),
      incident,
    }));
    return incident;
  }

  child(component: string): Log {
    return new ComponentLog(this.#sink, component);
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#sink.write(level, this.#component, message, () => writable(fields));
  }
}

/** One line for a terminal, from fields that are redacted already. */
function problemText(
  level: LogLevel,
  component: string,
  message: string,
  { err, ...fields }: Record<string, unknown>,
): string {
  const cause = err instanceof Object && 'message' in err ? { cause: err.message } : {};
  const details = { ...cause, ...fields };
  const suffix = Object.keys(details).length === 0 ? '' : ` ${JSON.stringify(details)}`;
  return `${level} [${component}] ${message}${suffix}`;
}

/** Redacts fields, and appends an underscore to a name that the line uses itself: JSON names must be unique. */
function writable(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(redactFields(fields)).map(([name, value]) => [
      OWN_NAMES.has(name) ? `${name}_` : name,
      value,
    ]),
  );
}

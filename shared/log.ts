/** Structured logging as the rest of the program sees it: levels, fields and one child logger per component. */

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The lowest level that is written; `silent` writes nothing. */
export const LOG_THRESHOLDS = [...LOG_LEVELS, 'silent'] as const;
export type LogThreshold = (typeof LOG_THRESHOLDS)[number];

/** JSON-serializable details of one line. Never a prompt, an answer, a key, a passphrase or a token. */
export type LogFields = Readonly<Record<string, unknown>>;

/** No method throws, even if the disk is full or missing. */
export interface Log {
  /** The steps of an operation. */
  debug(message: string, fields?: LogFields): void;
  /** The course of a run, understandable on its own. */
  info(message: string, fields?: LogFields): void;
  /** Something the owner may want to know. */
  warn(message: string, fields?: LogFields): void;
  /**
   * Records an unexpected failure with its stack and returns the incident ID: pages and clients show it, and the
   * log line has it as `incident`.
   */
  error(message: string, error: unknown, fields?: LogFields): string;
  /** A logger whose lines carry `component`. */
  child(component: string): Log;
}

/** Drops every line; for tests and commands that keep no log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => 'none',
  child: () => silentLog,
};

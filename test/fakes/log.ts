/** A log that keeps its lines, for tests. */
import type { Log, LogFields, LogLevel } from '../../main/ports/log.ts';

export interface LogLine {
  readonly level: LogLevel;
  /** Name of the child logger; '' for the root. */
  readonly component: string;
  readonly message: string;
  readonly fields: LogFields;
  /** The error of an `error` line. */
  readonly error?: unknown;
  /** ID that `error` returned. */
  readonly incident?: string;
}

export interface RecordingLog extends Log {
  /** Lines of this logger and of its children, oldest first. */
  readonly lines: readonly LogLine[];
}

export function createRecordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const logger = (component: string): Log => {
    const keep =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}) =>
        void lines.push({ level, component, message, fields });
    return {
      debug: keep('debug'),
      info: keep('info'),
      warn: keep('warn'),
      error(message, error, fields = {}) {
        const incident = `incident${lines.length + 1}`;
        lines.push({ level: 'error', component, message, fields, error, incident });
        return incident;
      },
      child: (name) => logger(name),
    };
  };
  return { ...logger(''), lines };
}

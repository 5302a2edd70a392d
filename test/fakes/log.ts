/** A log that keeps its lines, for tests. */
import type { Log, LogFields, LogLevel } from '../../main/ports/log.ts';

export interface LogLine {
  readonly level: LogLevel;
  /** Names of the child loggers, joined by dots; '' for the root. */
  readonly component: string;
  readonly message: string;
  readonly fields: LogFields;
  /** The error of an `error` line. */
  readonly error?: unknown;
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
        lines.push({ level: 'error', component, message, fields, error });
        return `incident-${lines.length}`;
      },
      child: (name) => logger(component === '' ? name : `${component}.${name}`),
    };
  };
  return { ...logger(''), lines };
}

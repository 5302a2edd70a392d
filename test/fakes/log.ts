/** A log that remembers its lines. */
import type { Log, LogFields, LogLevel } from '../../main/ports/log.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly fields: LogFields;
  readonly error?: unknown;
  readonly incident?: string;
}

export interface RecordingLog extends Log {
  readonly lines: RecordedLine[];
}

export function recordingLog(component = 'test', lines: RecordedLine[] = []): RecordingLog {
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, component, message, fields });
    };
  return {
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error(message, error, fields = {}) {
      const incident = `incident${lines.length + 1}`;
      lines.push({ level: 'error', component, message, fields, error, incident });
      return incident;
    },
    child: (name) => recordingLog(name, lines),
  };
}

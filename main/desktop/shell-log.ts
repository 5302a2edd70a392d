/** The shell's log: lines on standard error. The one place that decides where the shell logs to. */
import { randomBytes } from 'node:crypto';
import {
  LOG_THRESHOLDS,
  type Log,
  type LogFields,
  type LogLevel,
  type LogThreshold,
} from '../../shared/log.ts';

/** Writes lines of at least this level through `write`. */
export function createShellLog(
  threshold: LogThreshold,
  write: (line: string) => void = (line) => void process.stderr.write(line),
  component = 'shell',
): Log {
  const print = (level: LogLevel, message: string, fields: LogFields) => {
    if (LOG_THRESHOLDS.indexOf(level) < LOG_THRESHOLDS.indexOf(threshold)) return;
    const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
    write(`idlewatt ${component} ${level}: ${message}${details}\n`);
  };
  return {
    debug: (message, fields = {}) => print('debug', message, fields),
    info: (message, fields = {}) => print('info', message, fields),
    warn: (message, fields = {}) => print('warn', message, fields),
    error(message, error, fields = {}) {
      const incident = randomBytes(4).toString('hex');
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      print('error', message, { ...fields, incident, reason });
      return incident;
    },
    child: (name) => createShellLog(threshold, write, `${component}.${name}`),
  };
}

/** Creates the log of an agent. */
import { inspect } from 'node:util';
import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from '../ports/log.ts';
import type { AgentConfig } from './config.ts';

/** Warnings and errors go to stderr; nothing else appears in the owner's terminal. */
export function createAgentLog(_config: AgentConfig): Log {
  return createStderrLog('warn');
}

/** Writes lines from `lowest` up to stderr, one per call. */
export function createStderrLog(lowest: LogLevel, write = (line: string) => console.error(line)): Log {
  let incidents = 0;
  const logger = (component: string): Log => {
    const line = (level: LogLevel, message: string, fields: LogFields) => {
      if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return;
      const name = component === '' ? '' : ` [${component}]`;
      const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
      write(`idlewatt: ${level}${name} ${message}${details}`);
    };
    return {
      debug: (message, fields = {}) => line('debug', message, fields),
      info: (message, fields = {}) => line('info', message, fields),
      warn: (message, fields = {}) => line('warn', message, fields),
      error(message, error, fields = {}) {
        incidents += 1;
        const incident = `${process.pid}-${incidents}`;
        line('error', message, { ...fields, incident });
        write(error instanceof Error ? (error.stack ?? error.message) : inspect(error));
        return incident;
      },
      child: (name) => logger(component === '' ? name : `${component}.${name}`),
    };
  };
  return logger('');
}

/** Returns a handler for unexpected failures of background work. */
export function logFault(log: Log, message: string): (error: unknown) => void {
  return (error) => void log.error(message, error);
}

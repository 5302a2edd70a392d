/** The log: pino behind the `Log` port, its files, and reading them again. */
export { type LogFile, type LogFileOptions, openLogFile } from './log-file.ts';
export { followLog, hasLog, type LogLine, readLog } from './log-reader.ts';
export { redactFields } from './redaction.ts';
export { redactText } from './secret-shapes.ts';

/** `logs`: prints the log of a data folder's processes, and follows it. Needs no running agent. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { followLog, hasLog, type LogLine, readLog } from '../adapters/pino/index.ts';
import { LOG_LEVELS, type LogLevel } from '../ports/log.ts';
import type { CommandRun } from './index.ts';
import { formatLogLine } from './log-text.ts';
import { chosenHome } from './options.ts';

/** Number of stored lines to print before new ones, unless `--lines` is given. */
const LINES_BEFORE_FOLLOWING = 20;

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      home: { type: 'string' },
      follow: { type: 'boolean', default: false },
      level: { type: 'string', default: 'debug' },
      component: { type: 'string' },
      lines: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { logs } = chosenHome(values.home);
  const isWanted = filterBy(levelOf(values.level), values.component);
  const linesMax = countOf(values.lines) ?? (values.follow ? LINES_BEFORE_FOLLOWING : null);
  if (!hasLog(logs) && !values.follow) {
    throw new AppError('not-found', `No log in ${logs}. Set the data folder with --home DIR.`);
  }
  // `logs | head` closes the pipe early.
  process.stdout.on('error', () => process.exit(0));
  const print = (line: LogLine) => console.log(values.json ? line.text : formatLogLine(line));
  // Started first: a line that is written meanwhile may appear twice rather than never.
  const following = values.follow ? followLog(logs) : null;
  for (const line of newest(readLog(logs), isWanted, linesMax)) print(line);
  if (following !== null) for await (const line of following) if (isWanted(line)) print(line);
  return 0;
};

function filterBy(level: LogLevel, component: string | undefined): (line: LogLine) => boolean {
  const lowest = LOG_LEVELS.indexOf(level);
  return (line) =>
    LOG_LEVELS.indexOf(line.level) >= lowest && (component === undefined || line.component === component);
}

/** The last lines that are wanted, or all of them where `linesMax` is null. */
function* newest(
  lines: Iterable<LogLine>,
  isWanted: (line: LogLine) => boolean,
  linesMax: number | null,
): Generator<LogLine, void, void> {
  const kept: LogLine[] = [];
  for (const line of lines) {
    if (!isWanted(line)) continue;
    if (linesMax === null) {
      yield line;
      continue;
    }
    kept.push(line);
    if (kept.length > linesMax) kept.shift();
  }
  yield* kept;
}

function levelOf(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) {
    throw new AppError('bad-request', `Invalid --level "${text}". Use debug, info, warn or error.`);
  }
  return level;
}

function countOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,6}$/.test(text)) {
    throw new AppError('bad-request', `Invalid --lines "${text}". Use a number from 0 to 999999.`);
  }
  return Number(text);
}

/** Answers `--help` and wrong command lines of the npm scripts. */
import { USAGE_EXIT_CODE } from '../../shared/options.ts';

/** A wrong command line; the message is one sentence that says what to write instead. */
export class UsageError extends Error {}

/**
 * Returns what `read` makes of the command line. With `--help` it prints the help, whose first line is the usage, and
 * exits. A {@link UsageError} and a TypeError of `parseArgs` are printed in one line, with exit code 2.
 */
export function readCommandLine<T>(help: string, read: () => T): T {
  if (process.argv.slice(2).includes('--help')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    // The TypeErrors of parseArgs have a code.
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    if (!isUsage) throw error;
    console.error(`${error.message} ${help.split('\n', 1)[0]}`);
    process.exit(USAGE_EXIT_CODE);
  }
}

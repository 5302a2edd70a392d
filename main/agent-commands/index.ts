/**
 * Runs commands of the agent's program: `npm run agent -- NOUN [VERB] [options]`. A command's code is loaded only
 * when it runs.
 */

import { AppError } from '../../shared/errors.ts';
import { USAGE_EXIT_CODE } from '../../shared/options.ts';
import { PROGRAM } from '../ports/program.ts';
import { isClosedPipe, systemFailure } from './system-failures.ts';
import { COMMANDS } from './table.ts';

export { endAtClosedPipe } from './closed-pipe.ts';
export { isCommand } from './is-command.ts';

/** Runs a command with the arguments after its words; resolves with the exit code. */
export type CommandRun = (argv: readonly string[]) => Promise<number>;

export interface Command {
  /** One sentence for the list of commands. */
  readonly summary: string;
  /** Options as a user types them, e.g. `--home DIR [--out FILE]`. */
  readonly usage: string;
  /** Expected failures of `run` are AppErrors; wrong options are the TypeErrors of `parseArgs`. */
  readonly load: () => Promise<{ readonly run: CommandRun }>;
}

const EXIT_CODES = `Exit codes of commands: 0 done, 1 failed or a difference was found, ${USAGE_EXIT_CODE} wrong command, option or value.`;

/**
 * Runs the command that the first one or two words name. Prints errors on stderr and resolves with the exit code:
 * 0 for success or when the reader of the output has enough, 1 for an expected failure or a negative result, 2 for an
 * unknown command or wrong options or values, which are the failures with the code `bad-request`.
 */
export async function runCommand(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && argv[0] === 'commands') {
    console.log(listCommands());
    return 0;
  }
  const [name, words] = nameOf(argv);
  const command = name === null ? undefined : COMMANDS[name];
  if (name === null || command === undefined) {
    console.error(`idlewatt: Unknown command "${argv[0]}". Commands:\n\n${listCommands()}`);
    return USAGE_EXIT_CODE;
  }
  const rest = argv.slice(words);
  if (rest.includes('--help')) {
    console.log(`${command.summary}\nUsage: ${PROGRAM.command} ${name} ${command.usage}`);
    return 0;
  }
  try {
    const { run } = await command.load();
    return await run(rest);
  } catch (error) {
    if (error instanceof AppError) {
      console.error(`idlewatt: ${error.message}`);
      return error.code === 'bad-request' ? USAGE_EXIT_CODE : 1;
    }
    if (error instanceof TypeError && 'code' in error) {
      console.error(`idlewatt: ${error.message}\nUsage: ${PROGRAM.command} ${name} ${command.usage}`);
      return USAGE_EXIT_CODE;
    }
    // The reader has what it needs, e.g. in `ledger export | head`.
    if (isClosedPipe(error)) return 0;
    const failure = systemFailure(error);
    if (failure === null) throw error;
    console.error(`idlewatt: ${failure}`);
    return 1;
  }
}

/** Returns two lines per command: its usage and its summary; then what their exit codes mean. */
export function listCommands(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary, usage }]) => `  ${name} ${usage}\n      ${summary}`,
  );
  return [...commands, '', EXIT_CODES].join('\n');
}

/** Returns the longest command name that the words begin with, and its number of words. */
function nameOf(argv: readonly string[]): [name: string | null, words: number] {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    if (Object.hasOwn(COMMANDS, name)) return [name, words];
  }
  return [null, 0];
}

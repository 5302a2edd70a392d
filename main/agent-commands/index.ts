/**
 * What the agent's program does besides running: `npm run agent -- NOUN [VERB] [options]`. One table of
 * commands; each one's code is loaded only when it is asked for.
 */
import { AppError } from '../../shared/errors.ts';
import { COMMANDS } from './table.ts';

/** A command's work: gets what follows its words, resolves to the process's exit code. */
export type CommandRun = (argv: readonly string[]) => Promise<number>;

export interface Command {
  /** One sentence for the list of commands. */
  readonly summary: string;
  /** The options as a user types them, e.g. `--home DIR [--out FILE]`. */
  readonly usage: string;
  /** Expected failures of `run` are AppErrors; wrong options are the TypeErrors of `parseArgs`. */
  readonly load: () => Promise<{ readonly run: CommandRun }>;
}

/** Whether the first word asks for a command rather than being an option of the agent. */
export function isCommand(argv: readonly string[]): boolean {
  return argv[0] !== undefined && !argv[0].startsWith('-');
}

/** Runs the command that the first one or two words name; resolves to the exit code and has said why. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  const [name, words] = nameOf(argv);
  const command = name === null ? undefined : COMMANDS[name];
  if (name === null || command === undefined) {
    console.error(`idlewatt: there is no command "${argv[0]}".\n\n${listCommands()}`);
    return 2;
  }
  const rest = argv.slice(words);
  if (rest.includes('--help')) {
    console.log(`${command.summary}\nUsage: npm run agent -- ${name} ${command.usage}`);
    return 0;
  }
  try {
    const { run } = await command.load();
    return await run(rest);
  } catch (error) {
    if (error instanceof AppError) {
      console.error(`idlewatt: ${error.message}`);
      return 1;
    }
    if (error instanceof TypeError && 'code' in error) {
      console.error(`idlewatt: ${error.message}\nUsage: npm run agent -- ${name} ${command.usage}`);
      return 2;
    }
    throw error;
  }
}

/** One line for each command. */
export function listCommands(): string {
  return Object.entries(COMMANDS)
    .map(([name, { summary, usage }]) => `  ${name} ${usage}\n      ${summary}`)
    .join('\n');
}

/** The longest name that the words begin with, and how many words it has. */
function nameOf(argv: readonly string[]): [name: string | null, words: number] {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    if (Object.hasOwn(COMMANDS, name)) return [name, words];
  }
  return [null, 0];
}

/** Reads, writes and describes command lines by the table in `options.ts`. */
import { AppError } from './errors.ts';
import {
  BUG_EXIT_CODE,
  ENVIRONMENT,
  type GivenOption,
  OPTIONS,
  type OptionName,
  type OptionReader,
  type OptionSpec,
  type OptionValues,
  type ReadOptions,
  USAGE_EXIT_CODE,
} from './options.ts';

const PORT_MAX = 65_535;

/**
 * Reads a command line (without the program's own path). Fails with `bad-request` and one sentence of advice. The shell
 * ignores arguments that it doesn't support, because Chromium's switches share its command line, except misspelled
 * options.
 */
export function readOptions(
  argv: readonly string[],
  reader: OptionReader,
  environment: Readonly<Record<string, string | undefined>> = {},
): ReadOptions {
  const fromCommandLine = readArguments(argv, reader);
  const fromEnvironment = readEnvironment(environment, reader, fromCommandLine);
  const given = [...fromEnvironment, ...fromCommandLine];
  return { values: valuesOf(given), given };
}

/** Returns the agent's command line: every option that the agent acts on, as it was given to the shell. */
export function agentArguments(given: readonly GivenOption[]): string[] {
  return writeArguments(given.filter(({ name }) => isReadBy(name, 'agent')));
}

/** Inverse of {@link readOptions}: one argument per option, also for values that start with a hyphen. */
export function writeArguments(given: readonly GivenOption[]): string[] {
  return given.map(({ name, value }) => (value === null ? `--${name}` : `--${name}=${value}`));
}

/**
 * Returns the lines of `--help`: the public options that any of the readers acts on, the public variables, the exit
 * codes.
 */
export function helpText(usage: string, readers: readonly OptionReader[]): string {
  const options = names()
    .filter((name) => !specOf(name).internal && readers.some((reader) => isReadBy(name, reader)))
    .map((name) => [synopsis(name), helpOf(specOf(name))] as const);
  const variables = Object.entries(ENVIRONMENT)
    .filter(([, { audience, option }]) => audience === 'public' && option === undefined)
    .map(([name, { help }]) => [name, help] as const);
  return [
    `Usage: ${usage}`,
    ...columns(options),
    '',
    'Environment:',
    ...columns(variables),
    '',
    `Exit codes: 0 stopped as requested, 1 could not start, ${USAGE_EXIT_CODE} wrong command line, ${BUG_EXIT_CODE} ended by a bug.`,
  ].join('\n');
}

function readArguments(argv: readonly string[], reader: OptionReader): GivenOption[] {
  const given: GivenOption[] = [];
  const rest = argv.values();
  for (const argument of rest) {
    if (!argument.startsWith('-')) {
      // Electron gets its app's folder as an argument.
      if (reader === 'shell') continue;
      throw usage(`Unexpected argument "${argument}". Options start with --; run with --help for a list.`);
    }
    const [written = '', inline] = splitOnce(argument, '=');
    const name = names().find((candidate) => written === `--${candidate}` && accepts(candidate, reader));
    if (name === undefined) {
      const meant = closest(written, reader);
      if (reader === 'shell' && meant === null) continue;
      const advice = meant === null ? 'Run with --help for a list.' : `Did you mean --${meant}?`;
      throw usage(`Unknown option ${written}. ${advice}`);
    }
    given.push(readOne(name, inline, () => rest.next().value));
  }
  return given;
}

function readOne(name: OptionName, inline: string | undefined, next: () => string | undefined): GivenOption {
  if (specOf(name).type === 'flag') {
    if (inline !== undefined) throw usage(`--${name} takes no value. Use --${name}.`);
    return { name, value: null };
  }
  const value = inline ?? next();
  // The next option is not this one's value; `--name=-value` is.
  if (value === undefined || (inline === undefined && value.startsWith('-'))) {
    throw usage(`Missing value for --${name}. Use ${synopsis(name)}.`);
  }
  checkValue(name, value, `--${name}`);
  return { name, value };
}

/** An empty variable counts as not set, as is usual in shells. */
function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  reader: OptionReader,
  commandLine: readonly GivenOption[],
): GivenOption[] {
  return names().flatMap((name) => {
    const { env } = specOf(name);
    const value = env === undefined ? undefined : environment[env];
    if (env === undefined || !value || !accepts(name, reader)) return [];
    if (commandLine.some((option) => option.name === name)) return [];
    checkValue(name, value, env);
    return [{ name, value }];
  });
}

/** `source` is the option or the variable that the message names. */
function checkValue(name: OptionName, value: string, source: string): void {
  const spec = specOf(name);
  if (value.trim() === '') throw usage(`Empty value for ${source}. Use ${synopsis(name)}.`);
  if (spec.type === 'port' && (!/^\d{1,5}$/.test(value) || Number(value) > PORT_MAX)) {
    throw usage(`Invalid ${source} "${value}". Use a port from 0 to ${PORT_MAX}; 0 takes any free port.`);
  }
  if (spec.type === 'choice' && !spec.choices.includes(value)) {
    throw usage(`Invalid ${source} "${value}". Use ${oneOf(spec.choices)}.`);
  }
}

function valuesOf(given: readonly GivenOption[]): OptionValues {
  const values = names().map((name) => {
    const spec = specOf(name);
    const set = given.filter((option) => option.name === name);
    const last = set.at(-1)?.value;
    switch (spec.type) {
      case 'flag':
        return [name, set.length > 0];
      case 'port':
        return [name, last === undefined ? spec.default : Number(last)];
      case 'choice':
        return [name, last ?? spec.default];
      default:
        return [name, spec.multiple ? set.map(({ value }) => value) : (last ?? null)];
    }
  });
  return Object.fromEntries(values) as OptionValues;
}

function names(): OptionName[] {
  return Object.keys(OPTIONS) as OptionName[];
}

function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

function isReadBy(name: OptionName, reader: OptionReader): boolean {
  return specOf(name).readBy.includes(reader);
}

/** True if a program accepts an option, for itself or to pass it on. */
function accepts(name: OptionName, reader: OptionReader): boolean {
  if (reader === 'start') return !specOf(name).internal;
  if (reader === 'agent') return isReadBy(name, 'agent');
  return (
    isReadBy(name, 'shell') || (isReadBy(name, 'agent') && !specOf(name).internal && name !== 'headless')
  );
}

/** Returns the option that a misspelled one probably means, or null. */
function closest(written: string, reader: OptionReader): OptionName | null {
  const name = written.replace(/^-+/, '');
  const near = (candidate: OptionName) => distance(name, candidate) <= (candidate.length > 5 ? 2 : 1);
  return names().find((candidate) => accepts(candidate, reader) && near(candidate)) ?? null;
}

/** Levenshtein distance: letters to insert, delete or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

function synopsis(name: OptionName): string {
  const spec = specOf(name);
  return spec.type === 'flag' ? `--${name}` : `--${name} ${spec.placeholder}`;
}

function helpOf({ help, env }: OptionSpec): string {
  return env === undefined ? help : `${help}; or ${env}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length)) + 2;
  return rows.map(([first, second]) => `  ${first.padEnd(width)}${second}`);
}

function oneOf(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

function splitOnce(written: string, separator: string): [string, string?] {
  const at = written.indexOf(separator);
  return at < 0 ? [written] : [written.slice(0, at), written.slice(at + 1)];
}

function usage(message: string): AppError {
  return new AppError('bad-request', message);
}

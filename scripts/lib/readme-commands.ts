/** Reports commands that the README doesn't name. */

export interface Commands {
  /** Names of the scripts of `package.json`. */
  readonly scripts: readonly string[];
  /** Names that `npm run bench -- NAME` takes. */
  readonly benches: readonly string[];
}

/** npm runs these without `run`. */
const SHORT = new Set(['start', 'test']);

/** Returns one sentence per command that isn't in the README's code. */
export function missingCommands(readme: string, { scripts, benches }: Commands): string[] {
  const commands = [
    ...scripts.map((name) => (SHORT.has(name) ? `npm ${name}` : `npm run ${name}`)),
    ...benches.map((name) => `npm run bench -- ${name}`),
  ];
  return commands
    .filter((command) => !new RegExp(`${command}(?![\\w:-])`).test(readme))
    .map((command) => `README.md doesn't name \`${command}\`.`);
}

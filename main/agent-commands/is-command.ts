/** Tells a command from a start of the agent. Imports nothing, because it is loaded before everything else. */

/** Returns whether the first word names a command; otherwise it is an option of the agent. */
export function isCommand(argv: readonly string[]): boolean {
  return argv[0] !== undefined && !argv[0].startsWith('-');
}

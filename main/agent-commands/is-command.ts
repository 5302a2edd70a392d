/** Tells commands from a start of the agent. Imports nothing, because it is loaded before everything else. */

/** Returns whether the first word names a command; otherwise it is an option of the agent. */
export function isCommand(argv: readonly string[]): boolean {
  return argv[0] !== undefined && !argv[0].startsWith('-');
}

/** Commands that read the whole data folder, as first or first and second words. */
const READING = ['backup', 'restore', 'ledger export', 'ledger verify', 'report'];

/** Returns whether the words name a command that reads for long: serving comes first, also before this command's code. */
export function readsForLong(argv: readonly string[]): boolean {
  return READING.includes(argv[0] ?? '') || READING.includes(argv.slice(0, 2).join(' '));
}

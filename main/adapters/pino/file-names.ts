/** Names of log files: `agent.log` is written now, `agent.000001.log` and higher numbers are older, in that order. */

const SEQUENCE_DIGITS = 6;

export function rotatedName(name: string, sequence: number): string {
  return `${name}.${String(sequence).padStart(SEQUENCE_DIGITS, '0')}.log`;
}

/** The number of an older file of this name; null for any other file. */
export function sequenceOf(name: string, file: string): number | null {
  const parsed = parseName(file);
  return parsed?.name === name ? parsed.sequence : null;
}

/** The log that a file belongs to, and its number: null for the file that is written now. */
export function parseName(file: string): { readonly name: string; readonly sequence: number | null } | null {
  const match = /^([a-z][a-z-]*)(?:\.(\d{6,}))?\.log$/.exec(file);
  if (match?.[1] === undefined) return null;
  return { name: match[1], sequence: match[2] === undefined ? null : Number(match[2]) };
}

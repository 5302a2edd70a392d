/** Detects output that others keep or read: nothing secret may be printed there. */
import { fstatSync } from 'node:fs';

const STDOUT = 1;

/**
 * Returns whether standard output ends in systemd's journal, which a whole group of users may read, or in a file. A
 * terminal or a pipe belongs to the program or person that opened it.
 */
export function isOutputKept(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  descriptor: number = STDOUT,
): boolean {
  try {
    const { dev, ino, ...stats } = fstatSync(descriptor, { bigint: true });
    // Set by systemd to the device and inode of the journal's socket (systemd.exec(5)); children inherit it.
    return environment.JOURNAL_STREAM === `${dev}:${ino}` || (Number(stats.mode) & 0o170000) === 0o100000;
  } catch {
    return false; // closed: nothing is printed
  }
}

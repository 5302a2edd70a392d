/** Notices that are shown only once, across starts. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Returns true the first time for a notice and records it in the file. If the file can't be written, it returns true again. */
export function firstTime(file: string, notice: string): boolean {
  const seen = readSeen(file);
  if (seen.includes(notice)) return false;
  try {
    writeFileSync(file, JSON.stringify([...seen, notice]));
  } catch {
    // Showing it twice does no harm; a window that fails to close would.
  }
  return true;
}

function readSeen(file: string): string[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter((value) => typeof value === 'string') : [];
  } catch {
    return []; // missing or damaged; its content isn't valuable
  }
}

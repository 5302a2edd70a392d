/** What was said once and need not be said again, across starts. */
import { readFileSync, writeFileSync } from 'node:fs';

/** True the first time for this file and thing; remembers it. A file that cannot be written says it again. */
export function firstTime(file: string, thing: string): boolean {
  const said = readSaid(file);
  if (said.includes(thing)) return false;
  try {
    writeFileSync(file, JSON.stringify([...said, thing]));
  } catch {
    // Saying it twice does no harm; failing to close a window would.
  }
  return true;
}

function readSaid(file: string): string[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter((value) => typeof value === 'string') : [];
  } catch {
    return []; // not there yet, or damaged: nothing of worth is in it
  }
}

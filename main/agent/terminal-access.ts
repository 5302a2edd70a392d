/**
 * How the owner's terminal finds a running agent: a file in the home that its owner alone can read names the
 * loopback address and a token. Who has it may confirm spends, as the desktop shell does; no page has it.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'terminal.json';

const doorSchema = z.object({ url: z.url(), token: z.string().regex(/^[0-9a-f]{32,128}$/) });
export type TerminalAccess = z.infer<typeof doorSchema>;

/** Returns what closes it again. */
export function openTerminalAccess(home: string, door: TerminalAccess): () => void {
  const path = join(home, FILE);
  // An older file keeps its mode when it is written to.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(door)}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** Null where no agent with a door runs on the home. */
export function readTerminalAccess(home: string): TerminalAccess | null {
  const path = join(home, FILE);
  if (!existsSync(path)) return null;
  const found = doorSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return found.success ? found.data : null;
}

/**
 * Lets the owner's terminal connect to a running agent. `terminal.json` (mode 0600) holds the loopback URL and a
 * token. Its bearer may confirm transfers, as the desktop shell may; pages never receive it.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'terminal.json';

const accessSchema = z.object({ url: z.url(), token: z.string().regex(/^[0-9a-f]{32,128}$/) });
export type TerminalAccess = z.infer<typeof accessSchema>;

/** Writes the file; returns the function that removes it. */
export function openTerminalAccess(home: string, access: TerminalAccess): () => void {
  const path = join(home, FILE);
  // Writing to an existing file would keep its mode.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** Returns null where no agent with terminal access runs on the data folder. */
export function readTerminalAccess(home: string): TerminalAccess | null {
  const path = join(home, FILE);
  if (!existsSync(path)) return null;
  const found = accessSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return found.success ? found.data : null;
}

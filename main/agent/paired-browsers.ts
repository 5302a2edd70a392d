/**
 * Stores the paired browsers, and the port at which they find the pages, in a file that only its owner can read: it is
 * needed before the database is open.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { PairedBrowserStore } from '../ports/paired-browsers.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const FILE = 'paired-browsers.json';

const fileSchema = z.object({
  port: z.number().int().min(1).max(65_535).nullable(),
  browsers: z
    .array(
      z.object({
        id: z.string().max(100),
        name: z.string().max(200),
        secretHash: z.string().regex(/^[0-9a-f]{64}$/),
        pairedAtMs: z.number(),
        lastSeenMs: z.number(),
      }),
    )
    .max(100),
});

export interface PairedBrowserFile extends PairedBrowserStore {
  /** Port of the last start with paired browsers: their bookmarks name it. Null where there are none. */
  port(): number | null;
  /** Remembers the port of this start once a browser is paired. */
  usePort(port: number): void;
}

/** A missing or damaged file counts as empty: browsers then have to be paired again. */
export function openPairedBrowsers(folder: string): PairedBrowserFile {
  const path = join(folder, FILE);
  let content = read(path);
  let currentPort: number | null = null;
  const write = (next: z.infer<typeof fileSchema>) => {
    replacePrivateFile(path, `${JSON.stringify(next)}\n`);
    content = next;
  };
  return {
    read: () => content.browsers,
    write: (browsers) => write({ port: currentPort ?? content.port, browsers: [...browsers] }),
    port: () => (content.browsers.length === 0 ? null : content.port),
    usePort(port) {
      currentPort = port;
      if (content.browsers.length > 0 && content.port !== port) write({ ...content, port });
    },
  };
}

function read(path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return { port: null, browsers: [] };
  }
}

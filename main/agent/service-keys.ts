/** Stores the keys of other services among the agent's keys, in a file that only its owner can read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ENGINE_KEY_CHARACTERS_MAX } from '../../shared/engine-servers.ts';
import type { EngineServerKeys } from '../ports/engine-server.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const fileSchema = z.record(z.string().max(60), z.string().max(ENGINE_KEY_CHARACTERS_MAX));

/** A missing or damaged file counts as empty: the owner then enters the keys again. */
export function openServiceKeys(folder: string, file: string): EngineServerKeys {
  const path = join(folder, file);
  let keys = read(path);
  return {
    get: (id) => keys[id] ?? null,
    set(id, key) {
      if ((keys[id] ?? null) === key) return;
      const { [id]: _, ...others } = keys;
      const next = key === null ? others : { ...others, [id]: key };
      replacePrivateFile(path, `${JSON.stringify(next)}\n`);
      keys = next;
    },
  };
}

function read(path: string): Readonly<Record<string, string>> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

/** Reads the address that a package names as that of its code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { shellFactsSchema } from '../../shared/shell-facts.ts';

const packageSchema = z.object({ homepage: shellFactsSchema.shape.homepage });

/** Null where the app's package.json names no usable address, as in a checkout. */
export function readHomepage(appFolder: string): string | null {
  try {
    const read: unknown = JSON.parse(readFileSync(join(appFolder, 'package.json'), 'utf8'));
    return packageSchema.safeParse(read).data?.homepage ?? null;
  } catch {
    return null;
  }
}

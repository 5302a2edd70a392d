/** Records which packages a build put into its output, for the list of licenses in an installed app. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';
import { z } from 'zod';
import { REPOSITORY } from './places.ts';

const RECORDS = join(REPOSITORY, 'dist/.bundled');
const PACKAGE_FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const recordSchema = z.array(z.string());

/** The folder of the package that a file belongs to, relative to the repository; null for a file of ours. */
export function packageFolderOf(path: string): string | null {
  return PACKAGE_FOLDER.exec(path.split(sep).join('/'))?.[1] ?? null;
}

/** `name` is that of the output; a later build with the same name replaces its record. */
export function recordPackages(name: string): Plugin {
  return {
    name: 'record-packages',
    generateBundle(_options, bundle) {
      const assets = Object.values(bundle).flatMap((output) =>
        output.type === 'asset'
          ? output.originalFileNames.map((file) => join(REPOSITORY, 'renderer', file))
          : [],
      );
      const files = [...this.getModuleIds(), ...assets].map((id) =>
        relative(REPOSITORY, id.replace(/^\0/, '')),
      );
      const folders = new Set(files.flatMap((file) => packageFolderOf(file) ?? []));
      mkdirSync(RECORDS, { recursive: true });
      writeFileSync(join(RECORDS, `${name}.json`), JSON.stringify([...folders].sort()));
    },
  };
}

/** Folders of all packages in the outputs, relative to the repository. Fails before the first build. */
export function bundledPackages(): string[] {
  if (!existsSync(RECORDS))
    throw new Error('No build has recorded its packages. Run `npm run build -- --force`.');
  const records = readdirSync(RECORDS).map((file) => readFileSync(join(RECORDS, file), 'utf8'));
  return [...new Set(records.flatMap((text) => recordSchema.parse(JSON.parse(text))))].sort();
}

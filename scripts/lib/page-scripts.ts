/** Sizes of the pages' built scripts, from the manifest that their build leaves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LANGUAGES, type Language } from '../../shared/strings/languages.ts';
import { REPOSITORY } from './places.ts';

/** Compressed as a server would, in bytes, in the language that takes most. */
export interface PageScriptSizes {
  /** Scripts that the pages load until Home is there. */
  readonly startBytes: number;
  /** Scripts of all pages, with those that are loaded later. */
  readonly allBytes: number;
}

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly dynamicImports?: readonly string[];
}
type Manifest = Readonly<Record<string, Chunk>>;

const FOLDER = join(REPOSITORY, 'dist/renderer');
const DOCUMENT = 'index.html';
const FIRST_PAGE = 'main.tsx';

/** Throws if the pages aren't built. */
export function pageScriptSizes(): PageScriptSizes {
  const manifest = JSON.parse(readFileSync(join(FOLDER, '.vite/manifest.json'), 'utf8')) as Manifest;
  const bytesOf = new Map<string, number>();
  const sum = (names: readonly string[]) =>
    [...new Set(names.map((name) => chunkOf(name, manifest).file))].reduce((total, file) => {
      const bytes = bytesOf.get(file) ?? gzipSync(readFileSync(join(FOLDER, file)), { level: 9 }).length;
      bytesOf.set(file, bytes);
      return total + bytes;
    }, 0);
  const largest = (roots: readonly string[], follow: 'imports' | 'dynamicImports') =>
    Math.max(...LANGUAGES.map((language) => sum(reached([...roots, catalog(language)], follow, manifest))));
  return {
    startBytes: largest([DOCUMENT, FIRST_PAGE], 'imports'),
    allBytes: largest([DOCUMENT], 'dynamicImports'),
  };
}

/** The files that these need, and with `dynamicImports` those that are loaded later, except catalogs. */
function reached(
  roots: readonly string[],
  follow: 'imports' | 'dynamicImports',
  manifest: Manifest,
): readonly string[] {
  const catalogs = new Set<string>(LANGUAGES.map(catalog));
  const found = new Set(roots);
  for (const name of found) {
    const { imports = [], dynamicImports = [] } = chunkOf(name, manifest);
    const next = follow === 'imports' ? imports : [...imports, ...dynamicImports];
    for (const each of next) if (!catalogs.has(each)) found.add(each);
  }
  return [...found];
}

function catalog(language: Language): string {
  return `../shared/strings/${language}.json`;
}

function chunkOf(name: string, manifest: Manifest): Chunk {
  const chunk = manifest[name];
  if (chunk === undefined) throw new Error(`The build of the pages has no file for ${name}.`);
  return chunk;
}

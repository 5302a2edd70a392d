/**
 * `node scripts/check-layers.ts [ROOT]`: walks every import under ROOT (this repository when left out) and
 * prints each one that breaks the rule of who may import whom, with the reason. Exit 1 if there is any.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { type ImportedModule, importsOf } from '../lib/imports.ts';
import { findBreaches } from '../lib/layers.ts';

const NOT_OURS = new Set(['node_modules', 'dist', 'artifacts']);

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '../..'));
const tree = new Map<string, readonly ImportedModule[]>();
for (const entry of sourceFiles(root)) {
  const path = relative(root, entry).split(sep).join('/');
  tree.set(path, importsOf(readFileSync(entry, 'utf8'), entry.endsWith('x')));
}
const breaches = findBreaches(tree);
for (const { file, line, imported, why } of breaches) {
  console.error(`${file}${line === null ? '' : `:${line}`}  ${imported}\n    ${why}`);
}
console.log(`${tree.size} files, ${breaches.length} ${breaches.length === 1 ? 'breach' : 'breaches'}`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || NOT_OURS.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|tsx|mts|cts)$/.test(entry.name)) yield path;
  }
}

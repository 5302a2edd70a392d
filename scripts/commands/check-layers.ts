/**
 * `node scripts/commands/check-layers.ts [ROOT]`: checks every import below ROOT (default: this repository) against
 * the rules in scripts/lib/layers.ts and prints each violation with the reason. Where ROOT has a package.json, the
 * table of the rules is compared with it, with the adapter folders and with ARCHITECTURE.md. Exit code 1 if there is
 * any violation.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { findInstallationViolations } from '../lib/installed.ts';
import { REPOSITORY } from '../lib/places.ts';
import { readSource, type Source } from '../lib/source.ts';
import { findViolations, type Violation } from '../lib/violations.ts';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'artifacts']);

const root = resolve(process.argv[2] ?? REPOSITORY);
const tree = new Map<string, Source>();
for (const path of sourceFiles(root)) {
  const name = relative(root, path).split(sep).join('/');
  tree.set(name, readSource(readFileSync(path, 'utf8'), path.endsWith('x')));
}
const violations = [...findViolations(tree), ...installationViolations()];
for (const { file, line, subject, why } of violations) {
  console.error(`${file}${line === null ? '' : `:${line}`}  ${subject}\n    ${why}`);
}
console.log(
  `${tree.size} files, ${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}`,
);
process.exitCode = violations.length === 0 ? 0 : 1;

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|tsx|mts|cts)$/.test(entry.name)) yield path;
  }
}

function installationViolations(): Violation[] {
  if (!existsSync(join(root, 'package.json'))) return [];
  const adapters = readdirSync(join(root, 'main/adapters'), { withFileTypes: true });
  return findInstallationViolations({
    packageJson: readFileSync(join(root, 'package.json'), 'utf8'),
    architecture: readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'),
    adapters: adapters.filter((entry) => entry.isDirectory()).map(({ name }) => name),
  });
}

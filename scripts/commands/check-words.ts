/**
 * `node scripts/commands/check-words.ts [FILE...]`: checks the prose of the repository's files, or of the given ones,
 * against the rules of scripts/lib/words.ts. Prints each finding with its replacement and the reason; exit code 1 if
 * there is any.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { REPOSITORY } from '../lib/places.ts';
import { findWords } from '../lib/words.ts';

/** The model learned from exactly this text; other words would need another model. */
const SKIPPED = new Set(['scripts/generators/tiny-model-text.ts']);

const named = process.argv.slice(2).map((path) => relative(REPOSITORY, resolve(path)).split(sep).join('/'));
const files = (named.length > 0 ? named : repositoryFiles()).filter((file) => !SKIPPED.has(file));
const findings = files.flatMap((file) => findWords(file, readFileSync(join(REPOSITORY, file), 'utf8')));
for (const { file, line, phrase, instead, why } of findings) {
  console.error(`${file}:${line}  “${phrase}”: ${instead} (${why})`);
}
console.log(`${files.length} files, ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** Returns the files that git tracks, and new ones that it does not ignore. */
function repositoryFiles(): string[] {
  return execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(REPOSITORY, file)));
}

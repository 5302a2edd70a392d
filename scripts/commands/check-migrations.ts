/**
 * `node scripts/commands/check-migrations.ts [--add] [FOLDER]`: checks that released database migrations are
 * unchanged and self-contained. `--add` records the hash of each new migration; it never replaces a recorded hash.
 * Prints a sentence per problem; exit code 1 if there is any. FOLDER defaults to main/adapters/sqlite/migrations.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isMigration, type MigrationHashes, migrationProblems, withNewHashes } from '../lib/migrations.ts';
import { REPOSITORY } from '../lib/places.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { add: { type: 'boolean', default: false } },
});
const folder = positionals[0] ?? join(REPOSITORY, 'main/adapters/sqlite/migrations');
const hashesFile = join(folder, 'hashes.json');

const names = readdirSync(folder).filter(isMigration).sort();
const texts = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
let recorded: MigrationHashes = existsSync(hashesFile)
  ? z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(hashesFile, 'utf8')))
  : {};
if (values.add) {
  recorded = withNewHashes(texts, recorded);
  writeFileSync(hashesFile, `${JSON.stringify(recorded, null, 2)}\n`);
}
const problems = migrationProblems(texts, recorded);
for (const problem of problems) console.error(problem);
console.log(
  `${names.length} migrations, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

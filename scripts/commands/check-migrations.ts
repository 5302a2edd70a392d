/**
 * `node scripts/commands/check-migrations.ts [--add] [FOLDER]`: checks that released database migrations are
 * unchanged and self-contained. `--add` records the hash of each new migration; it never replaces a recorded hash.
 * Prints a sentence per problem; exit code 1 if there is any. FOLDER defaults to main/adapters/sqlite/migrations.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkMigrations } from '../lib/migrations.ts';
import { REPOSITORY } from '../lib/places.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { add: { type: 'boolean', default: false } },
});
const folder = positionals[0] ?? join(REPOSITORY, 'main/adapters/sqlite/migrations');
const { count, problems } = checkMigrations(folder, { adds: values.add });
for (const problem of problems) console.error(problem);
console.log(`${count} migrations, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`);
process.exitCode = problems.length === 0 ? 0 : 1;

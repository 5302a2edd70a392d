/**
 * Checks that released migrations are unchanged: the sha256 of each file is recorded, and a file imports nothing whose
 * change would change what the migration does.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readSource } from './source.ts';

const hashesSchema = z.record(z.string(), z.string());
/** Recorded sha256, in hex, by file name: the content of hashes.json. */
type MigrationHashes = Readonly<z.infer<typeof hashesSchema>>;

/** Files of the folder that aren't migrations. */
const NOT_MIGRATIONS = new Set(['index.ts']);
const NAME = /^\d{4}-[a-z0-9-]+\.ts$/;
/** Types may come from these; types change nothing at run time. */
const TYPES_FROM = new Set(['./index.ts', '../migration.ts', 'better-sqlite3']);

/** Checks the migrations in `folder`; `adds`: first records the hashes of new ones. Returns a sentence per problem. */
export function checkMigrations(folder: string, { adds }: { readonly adds: boolean }) {
  const hashesFile = join(folder, 'hashes.json');
  const names = readdirSync(folder).filter(isMigration).sort();
  const texts = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  let recorded: MigrationHashes = existsSync(hashesFile)
    ? hashesSchema.parse(JSON.parse(readFileSync(hashesFile, 'utf8')))
    : {};
  if (adds) {
    recorded = withNewHashes(texts, recorded);
    writeFileSync(hashesFile, `${JSON.stringify(recorded, null, 2)}\n`);
  }
  return { count: names.length, problems: migrationProblems(texts, recorded) };
}

function isMigration(fileName: string): boolean {
  return fileName.endsWith('.ts') && !NOT_MIGRATIONS.has(fileName);
}

/** Returns a sentence for each broken rule. `texts`: content of each migration by file name. */
function migrationProblems(texts: ReadonlyMap<string, string>, recorded: MigrationHashes): string[] {
  return [
    ...[...texts].flatMap(([name, text]) => [
      ...hashProblems(name, text, recorded),
      ...importProblems(name, text),
    ]),
    ...Object.keys(recorded)
      .filter((name) => !texts.has(name))
      .map((name) => `${name} is recorded, but the file is missing. Restore it: released migrations stay.`),
  ];
}

/** Adds the hashes of new migrations that break no other rule. Never changes a recorded hash. */
function withNewHashes(texts: ReadonlyMap<string, string>, recorded: MigrationHashes): MigrationHashes {
  const added = [...texts].filter(
    ([name, text]) =>
      recorded[name] === undefined && NAME.test(name) && importProblems(name, text).length === 0,
  );
  const hashes = { ...recorded, ...Object.fromEntries(added.map(([name, text]) => [name, hashOf(text)])) };
  return Object.fromEntries(Object.entries(hashes).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function hashProblems(name: string, text: string, recorded: MigrationHashes): string[] {
  if (!NAME.test(name)) return [`${name} is not named like a migration: 0007-short-name.ts.`];
  const expected = recorded[name];
  if (expected === undefined) {
    return [`${name} has no recorded hash. Add it with: node scripts/commands/check-migrations.ts --add`];
  }
  return expected === hashOf(text)
    ? []
    : [`${name} was changed after its hash was recorded. Restore it and write a new migration instead.`];
}

function importProblems(name: string, text: string): string[] {
  const { imports } = readSource(text, false);
  return imports
    .filter(
      ({ specifier, byValue }) => !specifier.startsWith('node:') && (byValue || !TYPES_FROM.has(specifier)),
    )
    .map(
      ({ specifier, line }) =>
        `${name}:${line} imports ${specifier}. A migration imports only node: modules and the type Migration: copy the code into it.`,
    );
}

/** Line endings don't count: Git may check files out with others. */
function hashOf(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');
}

/**
 * Verifies: a released migration cannot change, neither itself nor through an import.
 * Setup: the check on a folder with two small migrations, and the command once as a process.
 * Fails if: `--add` replaces a recorded hash, or an import outside node: and types passes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { checkMigrations } from '../../../scripts/lib/migrations.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const COMMAND = join(REPOSITORY, 'scripts/commands/check-migrations.ts');
const FIRST = '0001-first.ts';
const SECOND = '0002-second.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-migrations-'));
  write('index.ts', "import { first } from './0001-first.ts';\nimport '../anything.ts';\n");
  write(FIRST, "import { hash } from 'node:crypto';\nimport type { Migration } from '../migration.ts';\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function check({ adds = false } = {}): readonly string[] {
  return checkMigrations(folder, { adds }).problems;
}

function runCommand(...parameters: string[]): { status: number | null; problems: string[] } {
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...parameters, folder], {
    encoding: 'utf8',
  });
  return { status, problems: stderr.split('\n').filter((line) => line !== '') };
}

test('accepts migrations whose hashes are recorded', () => {
  assert.deepEqual(check({ adds: true }), []);
  assert.deepEqual(check(), []);
});

test('the command records hashes with --add, prints the problems and exits with 1 if there is any', () => {
  assert.deepEqual(runCommand('--add'), { status: 0, problems: [] });
  write(SECOND, 'export const second = 2;\n');
  const { status, problems } = runCommand();
  assert.equal(status, 1);
  assert.deepEqual(problems, check());
});

test('requires the hash of a new migration and records it', () => {
  check({ adds: true });
  write(SECOND, 'export const second = 2;\n');
  const problems = check();
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /^0002-second\.ts has no recorded hash\. .* --add$/);
  assert.deepEqual(check({ adds: true }), []);
  assert.deepEqual(check(), []);
});

test('rejects a changed migration and never replaces its hash', () => {
  check({ adds: true });
  const before = readFileSync(join(folder, 'hashes.json'), 'utf8');
  write(FIRST, 'export const first = 1;\n');
  for (const adds of [false, true]) {
    assert.match(check({ adds }).join(), /^0001-first\.ts was changed after its hash was recorded\./);
  }
  assert.equal(readFileSync(join(folder, 'hashes.json'), 'utf8'), before);
});

test('rejects a recorded migration whose file is missing', () => {
  check({ adds: true });
  rmSync(join(folder, FIRST));
  assert.match(check({ adds: true }).join(), /^0001-first\.ts is recorded, but the file is missing/);
});

test('ignores line endings', () => {
  check({ adds: true });
  write(FIRST, readFileSync(join(folder, FIRST), 'utf8').replaceAll('\n', '\r\n'));
  assert.deepEqual(check(), []);
});

test('rejects imports whose change would change the migration', () => {
  const imports = [
    "import { amount } from '../../../../shared/money.ts';",
    "import { hashOf } from '../ledger-chain.ts';",
    "import { MIGRATIONS } from './index.ts';",
    "import Database from 'better-sqlite3';",
    "import type { Posting } from '../../../ports/ledger.ts';",
    "const later = await import('./0002-second.ts');",
  ];
  for (const text of imports) {
    write(FIRST, text);
    const problems = check({ adds: true }).join('\n');
    assert.match(problems, /^0001-first\.ts:1 imports .* copy the code into it\.$/m, text);
    // It can still be corrected, because its hash was not recorded.
    assert.match(problems, /^0001-first\.ts has no recorded hash/m, text);
  }
});

test('rejects a file without a number', () => {
  write('frozen.ts', 'export {};\n');
  assert.match(check({ adds: true }).join(), /frozen\.ts is not named like a migration/);
});

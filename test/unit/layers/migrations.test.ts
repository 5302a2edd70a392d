/**
 * Verifies: a released migration cannot change, neither itself nor through an import.
 * Setup: the command on a folder with two small migrations.
 * Fails if: `--add` replaces a recorded hash, or an import outside node: and types passes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
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

function check(...parameters: string[]): { status: number | null; problems: string[] } {
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...parameters, folder], {
    encoding: 'utf8',
  });
  return { status, problems: stderr.split('\n').filter((line) => line !== '') };
}

test('accepts migrations whose hashes are recorded', () => {
  assert.equal(check('--add').status, 0);
  assert.deepEqual(check(), { status: 0, problems: [] });
});

test('requires the hash of a new migration and records it', () => {
  check('--add');
  write(SECOND, 'export const second = 2;\n');
  const { status, problems } = check();
  assert.equal(status, 1);
  assert.deepEqual(problems.length, 1);
  assert.match(problems[0] ?? '', /^0002-second\.ts has no recorded hash\. .* --add$/);
  assert.equal(check('--add').status, 0);
  assert.equal(check().status, 0);
});

test('rejects a changed migration and never replaces its hash', () => {
  check('--add');
  const before = readFileSync(join(folder, 'hashes.json'), 'utf8');
  write(FIRST, 'export const first = 1;\n');
  for (const parameters of [[], ['--add']]) {
    const { status, problems } = check(...parameters);
    assert.equal(status, 1);
    assert.match(problems.join(), /^0001-first\.ts was changed after its hash was recorded\./);
  }
  assert.equal(readFileSync(join(folder, 'hashes.json'), 'utf8'), before);
});

test('rejects a recorded migration whose file is missing', () => {
  check('--add');
  rmSync(join(folder, FIRST));
  assert.match(check('--add').problems.join(), /^0001-first\.ts is recorded, but the file is missing/);
});

test('ignores line endings', () => {
  check('--add');
  write(FIRST, readFileSync(join(folder, FIRST), 'utf8').replaceAll('\n', '\r\n'));
  assert.equal(check().status, 0);
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
    const problems = check('--add').problems.join('\n');
    assert.match(problems, /^0001-first\.ts:1 imports .* copy the code into it\.$/m, text);
    // It can still be corrected, because its hash was not recorded.
    assert.match(problems, /^0001-first\.ts has no recorded hash/m, text);
  }
});

test('rejects a file without a number', () => {
  write('frozen.ts', 'export {};\n');
  assert.match(check('--add').problems.join(), /frozen\.ts is not named like a migration/);
});

/**
 * Verifies: the arguments of `npm test` select groups, files, folders and words as documented.
 * Setup: a small tree of empty test files.
 * Fails if: an argument selects too much or nothing, or a typo runs every test.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { after, before, test } from 'node:test';
import { inBatches, runsAlone, selectTests } from '../../../scripts/lib/test-selection.ts';

const FILES = [
  'unit/engine/duty.test.ts',
  'unit/engine/load.test.ts',
  'unit/jobs.test.ts',
  'agent/engine.test.ts',
];

let root = '';

before(() => {
  root = mkdtempSync(join(tmpdir(), 'idlewatt-selection-'));
  for (const file of [...FILES, 'unit/engine/helper.ts', 'fakes/a.test.ts']) {
    mkdirSync(dirname(join(root, 'test', file)), { recursive: true });
    writeFileSync(join(root, 'test', file), '');
  }
});
after(() => rmSync(root, { recursive: true }));

function selected(words: readonly string[], currentFolder = root): string[] | string {
  const selection = selectTests(words, { root, currentFolder });
  if (selection.problem !== null) return selection.problem;
  return [...selection.files.values()]
    .flat()
    .map((file) => relative(join(root, 'test'), file).split(sep).join('/'));
}

test('selects everything without arguments, group by group', () => {
  assert.deepEqual(selected([]), FILES);
});

test('selects groups', () => {
  assert.deepEqual(selected(['agent']), ['agent/engine.test.ts']);
});

test('selects a folder and a file by path, from the root or the current folder', () => {
  const engine = ['unit/engine/duty.test.ts', 'unit/engine/load.test.ts'];
  assert.deepEqual(selected(['test/unit/engine']), engine);
  assert.deepEqual(selected(['test/unit/engine/']), engine);
  assert.deepEqual(selected([join(root, 'test/unit/engine')]), engine);
  assert.deepEqual(selected(['./duty.test.ts'], join(root, 'test/unit/engine')), [engine[0]]);
  assert.deepEqual(selected(['test/unit/engine/duty.test.ts', 'agent']), [engine[0], 'agent/engine.test.ts']);
});

test('selects by words in the path, within the groups', () => {
  assert.deepEqual(selected(['duty', 'jobs']), ['unit/engine/duty.test.ts', 'unit/jobs.test.ts']);
  assert.deepEqual(selected(['unit', 'engine']), ['unit/engine/duty.test.ts', 'unit/engine/load.test.ts']);
});

test('reports arguments that match nothing', () => {
  assert.equal(selected(['test/unit/missing.test.ts']), 'No test file matches: test/unit/missing.test.ts');
  assert.equal(selected(['test/unit/engine/helper.ts']), 'No test file matches: test/unit/engine/helper.ts');
});

test('a file runs alone if its head says why, in either form of a comment', () => {
  const file = join(root, 'alone.test.ts');
  const isAlone = (text: string) => {
    writeFileSync(file, text);
    return runsAlone(file);
  };
  const code = "import assert from 'node:assert/strict';\n";
  assert.equal(isAlone(`/**\n * Fails if: it is late.\n * Alone: it is timed.\n */\n${code}`), true);
  assert.equal(isAlone(`// Fails if: it is late.\n// Alone: it is timed.\n${code}`), true);
  assert.equal(isAlone(`// Fails if: it is left Alone: or late.\n${code}`), false);
  assert.equal(isAlone(`// Alone:\n${code}`), false, 'a reason is needed');
  assert.equal(isAlone(`// Fails if: it is late.\n${code}// Alone: not in the head.\n`), false);
});

test('files share processes in batches, except those whose head says why not', () => {
  const files = ['1', '2', '3', '4'].map((name) => join(root, `${name}.test.ts`));
  for (const [index, file] of files.entries()) {
    writeFileSync(
      file,
      index === 2 ? '// Own process: it changes the working directory.\n' : '// Own process:\n',
    );
  }
  const [first, second, third, fourth] = files;
  assert.deepEqual(inBatches(files, 2), [[third], [first, second], [fourth]]);
  assert.deepEqual(inBatches(files, 1), [[third], [first], [second], [fourth]]);
});

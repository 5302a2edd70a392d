/**
 * Verifies: the arguments of `npm test` select groups, files, folders and words as documented, and the files run in the
 * order and the processes that their heads demand.
 * Setup: a small tree of empty test files.
 * Fails if: an argument selects too much or nothing, a typo runs every test, or a file that measures time has company.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { after, before, test } from 'node:test';
import { planTests, selectTests, type TestGroup } from '../../../scripts/lib/test-selection.ts';

const FILES = [
  'unit/engine/duty.test.ts',
  'unit/engine/load.test.ts',
  'unit/jobs.test.ts',
  'agent/engine.test.ts',
];

const IMPORT = "import assert from 'node:assert/strict';\n";

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

test('a lab runs only if it is asked for, by its path, a word or all of its kind', () => {
  const lab = join(root, 'test/agent/full-disk.test.ts');
  writeFileSync(lab, `// Lab: it fills a disk.\n${IMPORT}`);
  try {
    assert.deepEqual(selected([]), FILES);
    assert.deepEqual(selected(['agent']), ['agent/engine.test.ts']);
    for (const words of [['test/agent/full-disk.test.ts'], ['full-disk'], ['labs'], ['agent', 'labs']]) {
      assert.deepEqual(selected(words), ['agent/full-disk.test.ts'], words.join(' '));
    }
    assert.equal(selected(['unit', 'labs']), 'No test file matches: unit labs');
  } finally {
    rmSync(lab);
  }
});

test('reports arguments that match nothing', () => {
  assert.equal(selected(['test/unit/missing.test.ts']), 'No test file matches: test/unit/missing.test.ts');
  assert.equal(selected(['test/unit/engine/helper.ts']), 'No test file matches: test/unit/engine/helper.ts');
});

/** Writes test files of a group, by name, and returns the plan of a run, with the names by process. */
function planned(group: TestGroup, files: Readonly<Record<string, string>>) {
  const folder = join(root, 'planned');
  mkdirSync(folder, { recursive: true });
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  const plan = planTests(new Map([[group, paths]]));
  const names = (batches: readonly (readonly string[])[]) =>
    batches.map((batch) => batch.map((path) => relative(folder, path)));
  return { together: names(plan.together), quiet: names(plan.quiet), alone: names(plan.alone) };
}

test('a file runs alone if its head says why, in either form of a comment', () => {
  const isAlone = (text: string) => planned('agent', { file: text }).alone.length === 1;
  assert.equal(isAlone(`/**\n * Fails if: it is late.\n * Alone: it is timed.\n */\n${IMPORT}`), true);
  assert.equal(isAlone(`// Fails if: it is late.\n// Alone: it is timed.\n${IMPORT}`), true);
  assert.equal(isAlone(`// Fails if: it is left Alone: or late.\n${IMPORT}`), false);
  assert.equal(isAlone(`// Alone:\n${IMPORT}`), false, 'a reason is needed');
  assert.equal(isAlone(`// Fails if: it is late.\n${IMPORT}// Alone: not in the head.\n`), false);
});

test('a file that uses timers runs after those that share the machine, and not alone', () => {
  const plan = planned('agent', { any: IMPORT, timed: `// Quiet: a place ends by the clock.\n${IMPORT}` });
  assert.deepEqual(plan, { together: [['any']], quiet: [['timed']], alone: [] });
});

test('unit files share a process, except those whose head says why not', () => {
  const own = '// Own process: it changes the working directory.\n';
  const files = Object.fromEntries(
    Array.from({ length: 66 }, (_, index) => [`${index}`, '// Own process:\n']),
  );
  const { together } = planned('unit', { ...files, changes: own });
  assert.deepEqual(
    together.map((batch) => batch.length),
    [1, 64, 2],
  );
  assert.deepEqual(together[0], ['changes']);
});

test('files with agents or windows have processes of their own, and long ones start first', () => {
  const plan = planned('desktop', {
    first: IMPORT,
    second: `// Long: it opens every page.\n${IMPORT}`,
    third: `// Long:\n${IMPORT}`,
  });
  assert.deepEqual(plan, { together: [['second'], ['first'], ['third']], quiet: [], alone: [] });
});

test('unit tests start before everything else', () => {
  const [unit, long] = ['unit.test.ts', 'long.test.ts'].map((name) => join(root, name));
  writeFileSync(unit ?? '', IMPORT);
  writeFileSync(long ?? '', `// Long: it opens every page.\n${IMPORT}`);
  const selection = new Map([
    ['desktop', [long ?? '']],
    ['unit', [unit ?? '']],
  ] as const);
  assert.deepEqual(planTests(selection).together, [[unit], [long]]);
});

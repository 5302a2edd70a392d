/**
 * Verifies: no forbidden import, cycle, code in a public interface or raw ledger post passes the check.
 * Setup: small trees in memory, and on disk for the command itself.
 * Fails if: the parser walk misses a form of import, or a row of the table allows too much.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readSource } from '../../../scripts/lib/source.ts';
import { findViolations } from '../../../scripts/lib/violations.ts';

const COMMAND = join(import.meta.dirname, '..', '..', '..', 'scripts', 'commands', 'check-layers.ts');

function violationsOf(files: Record<string, string>): string[] {
  const tree = new Map(
    Object.entries(files).map(([path, text]) => [path, readSource(text, path.endsWith('x'))]),
  );
  return findViolations(tree).map(({ file, line, subject }) => `${file}:${line} ${subject}`);
}

function check(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'idlewatt-layers-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return spawnSync(process.execPath, [COMMAND, root], { encoding: 'utf8' });
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('fails on a forbidden tree and prints line and reason', () => {
  const result = check({
    'main/core/ledger/entries.ts':
      "// the vendor\nimport Database from 'better-sqlite3';\nexport { Database };\n",
    'renderer/app.tsx': "export const App = () => <p>{String(import('node:fs'))}</p>;\n",
  });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /main\/core\/ledger\/entries\.ts:2 {2}better-sqlite3\n.*never a vendor/);
  assert.match(result.stderr, /renderer\/app\.tsx:1 {2}node:fs\n.*nothing of Node/);
  assert.match(result.stdout, /2 files, 2 violations/);
});

test('passes on a tree that follows the rules', () => {
  const result = check({
    'shared/money.ts': "import { z } from 'zod';\nexport const amount = z.string();\n",
    'main/core/ledger/index.ts': "export { amount } from '../../../shared/money.ts';\n",
    'main/core/jobs/states.ts':
      "import type { amount } from '../ledger/index.ts';\nexport type A = typeof amount;\n",
  });
  assert.equal(result.stderr, '');
  assert.equal(result.status, 0);
});

test('reads every form of import with its kind, and ignores text that only looks like one', () => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "export * from './c.ts';",
    "export { d } from './d.ts';",
    "const e = await import('./e.ts');",
    "type F = import('./f.ts').F;",
    "import './g.ts';",
    "export type { H } from './h.ts';",
    "// import i from './i.ts';",
    'const j = "import j from \'./j.ts\'";',
  ].join('\n');
  assert.deepEqual(
    readSource(text, false).imports.map(
      ({ specifier, line, byValue }) => `${line} ${specifier}${byValue ? '' : ' type'}`,
    ),
    [
      '1 ./a.ts',
      '2 ./b.ts type',
      '3 ./c.ts',
      '4 ./d.ts',
      '5 ./e.ts',
      '6 ./f.ts type',
      '7 ./g.ts',
      '8 ./h.ts type',
    ],
  );
});

test('rejects imports that a layer may not have', () => {
  const forbidden: [file: string, imported: string][] = [
    ['shared/a.ts', 'node:fs'],
    ['shared/a.ts', '../main/ports/clock.ts'],
    ['main/ports/a.ts', '../core/ledger/index.ts'],
    ['main/core/jobs/a.ts', '../ledger/posting.ts'],
    ['main/core/jobs/a.ts', '../../adapters/sqlite/index.ts'],
    ['main/core/jobs/a.ts', 'electron'],
    ['main/adapters/sqlite/a.ts', '../../core/ledger/index.ts'],
    ['main/adapters/sqlite/a.ts', '../ethers/index.ts'],
    ['main/adapters/sqlite/a.ts', 'ethers'],
    ['main/adapters/unlisted/a.ts', 'ethers'],
    ['main/desktop/a.ts', '../core/ledger/index.ts'],
    ['main/desktop.ts', './agent.ts'],
    ['main/agent.ts', 'electron'],
    ['main/agent.ts', './core/ledger/posting.ts'],
    ['main/agent.ts', './desktop/window.ts'],
    ['main/api/a.ts', '../adapters/sqlite/index.ts'],
    ['preload/a.ts', 'node:fs'],
    ['renderer/a.tsx', '../main/ports/clock.ts'],
    ['renderer/a.tsx', 'electron'],
    ['renderer/a.tsx', '../../elsewhere/a.ts'],
    ['unknown/a.ts', './b.ts'],
  ];
  for (const [file, imported] of forbidden) {
    assert.equal(violationsOf({ [file]: `import '${imported}';` }).length, 1, `${file} imports ${imported}`);
  }
});

test('allows the imports that a layer needs', () => {
  const allowed: [file: string, imported: string][] = [
    ['shared/a.ts', 'zod'],
    ['shared/api/a.ts', '../money.ts'],
    ['main/ports/a.ts', 'node:http'],
    ['main/core/jobs/a.ts', './states.ts'],
    ['main/core/jobs/a.ts', '../ledger/index.ts'],
    ['main/adapters/sqlite/migrations/a.ts', '../handles.ts'],
    ['main/adapters/sqlite/a.ts', 'better-sqlite3'],
    ['main/adapters/x402/a.ts', '@x402/evm/batch-settlement/client'],
    ['main/agent.ts', './adapters/sqlite/index.ts'],
    ['main/agent.ts', './core/ledger/index.ts'],
    ['main/desktop.ts', './desktop/window.ts'],
    ['renderer/a.tsx', 'react-dom/client'],
    ['test/unit/a.test.ts', '../../main/core/ledger/posting.ts'],
  ];
  for (const [file, imported] of allowed) {
    assert.deepEqual(violationsOf({ [file]: `import '${imported}';` }), [], `${file} imports ${imported}`);
  }
});

test('finds a cycle among modules of any length, types included', () => {
  const found = violationsOf({
    'main/core/a/a.ts': "import '../b/index.ts';",
    'main/core/b/b.ts': "import type {} from '../c/index.ts';",
    'main/core/c/c.ts': "\nimport '../a/index.ts';",
    'main/core/d/d.ts': "import '../a/index.ts'; import '../c/index.ts';",
  });
  assert.deepEqual(found, ['main/core/c/c.ts:2 a -> b -> c -> a']);
});

test('finds a cycle of files inside a module', () => {
  const found = violationsOf({
    'main/core/a/index.ts': "export { one } from './one.ts';",
    'main/core/a/one.ts': "import { two } from './two.ts';",
    'main/core/a/two.ts': "// back\nimport { one } from './index.ts';",
    'main/core/a/three.ts': "import { one } from './one.ts';",
  });
  const path = ['index', 'one', 'two', 'index'].map((name) => `main/core/a/${name}.ts`).join(' -> ');
  assert.deepEqual(found, [`main/core/a/two.ts:2 ${path}`]);
});

test('allows files to use each other’s types', () => {
  const found = violationsOf({
    'main/core/a/one.ts': "import { two } from './two.ts';",
    'main/core/a/two.ts': "import type { One } from './one.ts';\nexport type T = import('./one.ts').T;",
  });
  assert.deepEqual(found, []);
});

test('rejects code in the index.ts of a module', () => {
  const reExports =
    "/** Head. */\nexport { a } from './a.ts';\nexport type { B } from './b.ts';\nexport * from './c.ts';\n";
  const added = ['export const d = 1;', "import './d.ts';", 'export type D = string;', 'const d = 1;'];
  for (const code of added) {
    const files = {
      'main/core/a/index.ts': reExports + code,
      'main/adapters/sqlite/index.ts': reExports + code,
    };
    const expected = Object.keys(files).map((file) => `${file}:5 code`);
    assert.deepEqual(violationsOf(files), expected, code);
  }
  assert.deepEqual(
    violationsOf({ 'main/core/a/index.ts': reExports, 'main/core/a/b.ts': 'export const b = 1;' }),
    [],
  );
});

test('rejects the raw post of the ledger outside of bookings.ts', () => {
  const uses = [
    'ledger.post(entry);',
    'ledger?.postAll(entries);',
    'this.#ledger.post(entry);',
    'options.ledger.post(entry);',
    'const { post } = ledger;',
    'const { post: record, ...rest } = options.ledger;',
    'later(practiceLedger.post);',
  ];
  for (const use of uses) {
    const text = `// first line\nclass A { #ledger; a() { ${use} } }`;
    assert.deepEqual(violationsOf({ 'main/agent/a.ts': text }), ['main/agent/a.ts:2 ledger.post'], use);
    const allowed = { 'main/core/ledger/bookings.ts': text, 'test/unit/a.test.ts': text };
    assert.deepEqual(violationsOf(allowed), [], use);
  }
  const others = "app.post('/path', ledger.entries); const { post } = ledgerClient; ledger.recordSale(job);";
  assert.deepEqual(violationsOf({ 'main/agent/a.ts': others }), []);
});

/**
 * Goal: a forbidden import cannot slip in.
 * Method: small trees on disk and in memory are given to the checker; the command itself is run.
 * Would break: an import form that the parser walk misses, a row of the table that allows too much.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { importsOf } from '../../../scripts/lib/imports.ts';
import { findBreaches } from '../../../scripts/lib/layers.ts';

const COMMAND = join(import.meta.dirname, '..', '..', '..', 'scripts', 'commands', 'check-layers.ts');

function breachesOf(files: Record<string, string>): string[] {
  const tree = new Map(
    Object.entries(files).map(([path, text]) => [path, importsOf(text, path.endsWith('x'))]),
  );
  return findBreaches(tree).map(({ file, imported }) => `${file}: ${imported}`);
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

test('the command fails on a forbidden tree, names the line and the reason', () => {
  const result = check({
    'main/core/ledger/index.ts':
      "// the vendor\nimport Database from 'better-sqlite3';\nexport { Database };\n",
    'renderer/app.tsx': "export const App = () => <p>{String(import('node:fs'))}</p>;\n",
  });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /main\/core\/ledger\/index\.ts:2 {2}better-sqlite3\n.*never a vendor/);
  assert.match(result.stderr, /renderer\/app\.tsx:1 {2}node:fs\n.*nothing of Node/);
  assert.match(result.stdout, /2 files, 2 breaches/);
});

test('the command passes on a tree that keeps the rules', () => {
  const result = check({
    'shared/money.ts': "import { z } from 'zod';\nexport const amount = z.string();\n",
    'main/core/ledger/index.ts': "export { amount } from '../../../shared/money.ts';\n",
    'main/core/jobs/index.ts':
      "import type { amount } from '../ledger/index.ts';\nexport type A = typeof amount;\n",
  });
  assert.equal(result.stderr, '');
  assert.equal(result.status, 0);
});

test('every form of import is seen, and text that only looks like one is not', () => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "export * from './c.ts';",
    "export { d } from './d.ts';",
    "const e = await import('./e.ts');",
    "type F = import('./f.ts').F;",
    "import './g.ts';",
    "// import h from './h.ts';",
    'const i = "import i from \'./i.ts\'";',
  ].join('\n');
  assert.deepEqual(
    importsOf(text, false).map(({ specifier, line }) => `${line} ${specifier}`),
    ['1 ./a.ts', '2 ./b.ts', '3 ./c.ts', '4 ./d.ts', '5 ./e.ts', '6 ./f.ts', '7 ./g.ts'],
  );
});

test('each layer refuses what is not its own', () => {
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
    ['main/adapters/unheard-of/a.ts', 'ethers'],
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
    assert.equal(breachesOf({ [file]: `import '${imported}';` }).length, 1, `${file} imports ${imported}`);
  }
});

test('each layer is allowed what it needs', () => {
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
    assert.deepEqual(breachesOf({ [file]: `import '${imported}';` }), [], `${file} imports ${imported}`);
  }
});

test('a circle among nouns is found, through any number of them', () => {
  const found = breachesOf({
    'main/core/a/index.ts': "import '../b/index.ts';",
    'main/core/b/index.ts': "import type {} from '../c/index.ts';",
    'main/core/c/index.ts': "import '../a/index.ts';",
    'main/core/d/index.ts': "import '../a/index.ts'; import '../c/index.ts';",
  });
  assert.deepEqual(found, ['main/core/c/index.ts: a -> b -> c -> a']);
});

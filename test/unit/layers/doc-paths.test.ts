/**
 * Verifies: the documents name only paths that exist.
 * Setup: a repository of a few paths, and documents with one reference each.
 * Fails if: a stale path passes the check, or a placeholder, a glob, a URL or a path elsewhere is reported.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { docPathProblems } from '../../../scripts/lib/doc-paths.ts';

const PATHS = {
  files: new Set(['README.md', 'docs/money.md', 'main/agent.ts', 'test/unit/presence/usage.test.ts']),
  folders: new Set(['docs', 'main', 'test', 'test/unit', 'test/unit/presence']),
};

function problems(text: string, doc = 'README.md'): string[] {
  return docPathProblems(new Map([[doc, text]]), PATHS);
}

test('a path in backticks that does not exist is reported with its line', () => {
  assert.deepEqual(problems('One.\nSee `npm test -- test/unit/presence/decide.test.ts`.'), [
    `README.md:2  The path "test/unit/presence/decide.test.ts" doesn't exist.`,
  ]);
  assert.deepEqual(problems('```\nnode main/gone.ts\n```'), [
    `README.md:2  The path "main/gone.ts" doesn't exist.`,
  ]);
  assert.deepEqual(problems('The test `gone.test.ts`.'), [
    `README.md:1  The path "gone.test.ts" doesn't exist.`,
  ]);
});

test('a link to a missing file is reported, also one relative to its document', () => {
  for (const [text, doc] of [
    ['[money](docs/gold.md)', 'README.md'],
    ['![Home](docs/home.png)', 'README.md'],
    ['[read](README.md)', 'docs/money.md'],
  ] as const) {
    assert.equal(problems(text, doc).length, 1, text);
  }
  assert.deepEqual(
    problems('[a](docs/money.md#accounts) [b](docs) [c](#here) [d](https://example.com/x)'),
    [],
  );
  assert.deepEqual(problems('[read](../README.md)', 'docs/money.md'), []);
});

test('existing paths, placeholders, globs and other words are not reported', () => {
  for (const text of [
    '`main/agent.ts`, `main/`, `test/unit/presence`, `usage.test.ts`',
    '`main/core/<noun>/` `test/unit/*.test.ts` `main/NNNN-short-name.ts` `<home>/logs`',
    '`/proc` `@x402/evm` `core/gateway` `--rpc URL` `Some-Header-Name` `text/html`',
  ]) {
    assert.deepEqual(problems(text), [], text);
  }
});

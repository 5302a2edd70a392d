// Verifies: the pages start with few scripts, of one language only.
// Setup: the built pages, compressed; nothing is timed.
// Fails if: a library that one page needs is loaded with each start, catalogs of other languages are, or React Aria's texts
//   in languages that the pages don't have are built in, or a page lacks a text that was left out.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pageScriptSizes } from '../../scripts/lib/page-scripts.ts';
import { GROUPS_WITHOUT_PAGES } from '../../scripts/lib/page-texts.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import english from '../../shared/strings/en.json' with { type: 'json' };

const KILOBYTE = 1_000;

test('the scripts of a start have at most 250 kB', () => {
  const { startBytes } = pageScriptSizes();
  assert.ok(startBytes <= 250 * KILOBYTE, `${startBytes} bytes`);
});

test('the scripts of all pages in one language have at most 375 kB', () => {
  const { allBytes } = pageScriptSizes();
  assert.ok(allBytes <= 375 * KILOBYTE, `${allBytes} bytes`);
});

test('the texts that are left out of the pages exist, and no page uses one', () => {
  const source = ['renderer', 'shared'].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => readFileSync(join(REPOSITORY, folder, name), 'utf8')),
  );
  for (const group of GROUPS_WITHOUT_PAGES) {
    assert.ok(group in english, group);
    const use = new RegExp(`['"\`]${group}\\.`);
    assert.equal(source.filter((text) => use.test(text)).length, 0, group);
  }
});

test('no script has texts in languages that the pages don’t have', () => {
  const folder = join(REPOSITORY, 'dist/renderer/assets');
  // "Drop" in Polish and Japanese, from React Aria's texts of drag and drop.
  const foreign = readdirSync(folder)
    .filter((name) => name.endsWith('.js') && !name.startsWith('probe'))
    .filter((name) => /Upuść|ドロップ/.test(readFileSync(join(folder, name), 'utf8')));
  assert.deepEqual(foreign, []);
});

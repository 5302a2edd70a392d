/**
 * Verifies: a notice that is shown once is not shown again, across starts.
 * Setup: a file in a temporary folder; each call reads it as a new start would.
 * Fails if: a notice comes back at each start, one notice hides another, a missing or damaged file breaks the shell.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { firstTime } from '../../../main/desktop/seen-notices.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-seen-'));
after(() => rmSync(folder, { recursive: true }));

test('each notice is new once, regardless of the others', () => {
  const file = join(folder, 'seen.json');
  assert.equal(firstTime(file, 'stays-in-tray'), true);
  assert.equal(firstTime(file, 'stays-in-tray'), false);
  assert.equal(firstTime(file, 'other'), true);
  assert.equal(firstTime(file, 'stays-in-tray'), false);
  assert.equal(firstTime(file, 'other'), false);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), ['stays-in-tray', 'other']);
});

test('a damaged file counts as empty and is replaced', () => {
  const file = join(folder, 'damaged.json');
  for (const content of ['{', '"text"', '{}']) {
    writeFileSync(file, content);
    assert.equal(firstTime(file, 'stays-in-tray'), true, content);
    assert.equal(firstTime(file, 'stays-in-tray'), false, content);
  }
});

test('entries that are not text are dropped', () => {
  const file = join(folder, 'mixed.json');
  writeFileSync(file, '[1, "stays-in-tray", null]');
  assert.equal(firstTime(file, 'stays-in-tray'), false);
  assert.equal(firstTime(file, 'other'), true);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), ['stays-in-tray', 'other']);
});

test('a file that cannot be written shows the notice again', () => {
  const file = join(folder, 'missing-folder', 'seen.json');
  assert.equal(firstTime(file, 'stays-in-tray'), true);
  assert.equal(firstTime(file, 'stays-in-tray'), true);
});

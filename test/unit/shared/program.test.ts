/**
 * Verifies: an installed app names its own command, on its pages too, and a checkout names npm's.
 * Setup: paths and addresses of files as the systems write them; the page as it is built from renderer/index.html.
 * Fails if: an installed app tells its owner to type npm's commands, or the page has no place for the words.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../../../scripts/lib/places.ts';
import { programWords, withProgramWords } from '../../../shared/program.ts';

const INSTALLED = [
  'file:///opt/Idlewatt/resources/app.asar.unpacked/dist/agent/main/chunks/x.js',
  'file:///opt/Idlewatt/resources/app.asar/dist/desktop/main.js',
  'C:\\Users\\a\\AppData\\Local\\Programs\\Idlewatt\\resources\\app.asar\\dist\\desktop\\main.js',
];
const CHECKOUT = [
  'file:///home/a/idlewatt/dist/agent/main/chunks/x.js',
  import.meta.url,
  '/srv/app.asar-notes/x.js',
];

test('an installed app has a command of its own', () => {
  for (const file of INSTALLED)
    assert.deepEqual(programWords(file), { command: 'idlewatt', start: 'idlewatt' });
  for (const file of CHECKOUT) assert.equal(programWords(file).command, 'npm run agent --', file);
});

test('the page gets the words of the program that serves it', () => {
  const page = readFileSync(join(REPOSITORY, 'renderer/index.html'), 'utf8');
  const wordsIn = (html: string) => /name="idlewatt-command" content="(.*?)"/.exec(html)?.[1];
  assert.equal(wordsIn(page), 'npm run agent --');
  const served = withProgramWords(page, programWords(INSTALLED[0] ?? ''));
  assert.equal(wordsIn(served), 'idlewatt');
  assert.equal(served.replace('content="idlewatt"', 'content="npm run agent --"'), page);
});

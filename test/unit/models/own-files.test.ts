/**
 * Verifies: GGUF files in the owner's folder become models; nothing else is read, and such a file is never downloaded,
 *   moved or deleted.
 * Setup: the real store in a temporary data folder, with copies of the model that ships with the app.
 * Fails if: a link leads out of the folder, a broken file becomes a model, a replaced file is quarantined, or removing a
 *   model deletes the owner's file.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createModelStore } from '../../../main/core/models/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { isAppError } from '../../../shared/errors.ts';
import { embeddingFile, ggufOf } from '../../fakes/gguf.ts';

const TINY = new URL('../../../resources/models/idlewatt-tiny.gguf', import.meta.url);
const refuse = () => {
  throw new Error('nothing may be downloaded');
};

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'idlewatt-own-'));
});
afterEach(() => rmSync(home, { recursive: true }));

async function open() {
  const store = createModelStore({
    home,
    clock: systemClock,
    catalogue: [],
    fetch: refuse,
    cacheFolder: null,
  });
  await store.findOwn();
  return store;
}

test('a file in the folder is a model with the facts of its header, and can be served', async () => {
  const store = await open();
  copyFileSync(TINY, join(store.ownFolder, 'My Model (v2).GGUF'));
  assert.equal((await store.findOwn()).files.length, 1);
  const [model] = store.list();
  assert.equal(model?.id, 'own-my-model-v2');
  assert.ok(model.own && !model.bundled);
  assert.equal(model.sizeBytes, readFileSync(TINY).length);
  assert.ok(model.contextTokens > 0 && model.quantisation !== '');
  const file = await store.ensure('own-my-model-v2');
  assert.equal(file.path, join(store.ownFolder, 'My Model (v2).GGUF'));
  assert.match(file.sha256, /^[0-9a-f]{64}$/);
  assert.equal(store.list()[0]?.state, 'ready');
});

test('files that can’t be served are named with their kind, and links and other files are ignored', async () => {
  const store = await open();
  const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(store.ownFolder, name), bytes);
  const tiny = readFileSync(TINY);
  put('a-page.gguf', '<!doctype html>');
  put('b-damaged.gguf', 'GGUF but not really');
  put('c-incomplete.gguf', tiny.subarray(0, tiny.length - 1));
  put('d-00001-of-00003.gguf', tiny);
  put('e-mmproj.gguf', ggufOf({ 'general.architecture': 'clip' }));
  put('f-new.gguf', ggufOf({ 'general.architecture': 'brandnew' }));
  put('g-embed.gguf', embeddingFile());
  put('notes.txt', 'text');
  symlinkSync(TINY.pathname, join(store.ownFolder, 'linked.gguf'));
  const { files, refused } = await store.findOwn();
  assert.deepEqual(
    files.map(({ entry }) => [entry.id, entry.use]),
    [['own-g-embed', 'embedding']],
  );
  assert.deepEqual(
    refused.map(({ fileName, problem, detail }) => [fileName.slice(0, 1), problem, detail]),
    [
      ['a', 'no-gguf', ''],
      ['b', 'damaged', ''],
      ['c', 'incomplete', ''],
      ['d', 'split', ''],
      ['e', 'vision-only', ''],
      ['f', 'unsupported-architecture', 'brandnew'],
    ],
  );
});

test('a replaced file is read again and stays where it is; a removed one is gone from the list', async () => {
  const store = await open();
  const path = join(store.ownFolder, 'a.gguf');
  copyFileSync(TINY, path);
  await store.findOwn();
  const before = await store.ensure('own-a');
  writeFileSync(path, Buffer.concat([readFileSync(TINY), Buffer.alloc(32)]));
  await store.findOwn();
  const after = await store.ensure('own-a');
  assert.notEqual(after.sha256, before.sha256);
  assert.ok(existsSync(path));
  rmSync(path);
  await store.findOwn();
  assert.deepEqual(store.list(), []);
});

test('the owner’s file is never deleted, and one that is gone is no download', async () => {
  const store = await open();
  const path = join(store.ownFolder, 'a.gguf');
  copyFileSync(TINY, path);
  await store.findOwn();
  await assert.rejects(store.remove('own-a'), (error) => isAppError(error, 'not-permitted'));
  assert.ok(existsSync(path));
  rmSync(path);
  await assert.rejects(store.ensure('own-a'), (error) => isAppError(error, 'model-unavailable'));
});

test('the chosen file is found again after a restart', async () => {
  const store = await open();
  copyFileSync(TINY, join(store.ownFolder, 'a.gguf'));
  await store.findOwn();
  await store.ensure('own-a');
  const again = await open();
  assert.equal(again.list()[0]?.state, 'ready');
  assert.equal((await again.ensure('own-a')).id, 'own-a');
});

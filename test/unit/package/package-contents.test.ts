/**
 * Verifies: an installed app contains what it needs on its system and nothing else, and the licenses of all of it.
 * Setup: the files that `npm run package` would package on Linux x64, from the built app; nothing is packaged.
 * Fails if: a build for another system or for CUDA, a source, a map or a test of a library would be packaged, a native
 *   file could not load on a plain desktop, the files grow over the limit, or a package has no license.
 * Own process: tracing the imports of packages takes memory that the process would hold on to.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import {
  type NativeFile,
  newestGlibc,
  readNativeFiles,
  unloadable,
} from '../../../scripts/lib/native-needs.ts';
import {
  nativeFiles,
  nativePackages,
  type PackageFile,
  packageFiles,
} from '../../../scripts/lib/package-contents.ts';
import { ALLOWED, tooLarge, unexpectedFiles } from '../../../scripts/lib/package-rules.ts';
import { thirdPartyLicenses } from '../../../scripts/lib/third-party-licenses.ts';

const SYSTEM = { platform: 'linux', arch: 'x64' } as const;
const isHere = process.platform === SYSTEM.platform && process.arch === SYSTEM.arch;
const HERE = { skip: isHere ? false : 'the native packages of Linux x64 are not installed' };

let files: PackageFile[] = [];
// Tracing parses a thousand files, which takes six seconds of processor time.
before(
  async () => {
    if (isHere) files = await packageFiles(SYSTEM);
  },
  { timeout: 180_000 },
);

test('every file is in the list, and every entry of the list is needed', HERE, () => {
  assert.deepEqual(unexpectedFiles(files, SYSTEM), []);
  const unused = ALLOWED.filter(({ pattern }) => !files.some(({ to }) => pattern.test(to)));
  assert.deepEqual(unused, []);
  assert.equal(tooLarge(files), null);
});

test('files for other systems, for CUDA, and those that only developers need are rejected', () => {
  const rejected = [
    'node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda/libggml-cuda.so',
    'node_modules/@node-llama-cpp/win-x64/bins/win-x64/llama-addon.node',
    'node_modules/@node-llama-cpp/linux-arm64/bins/linux-arm64/llama-addon.node',
    'node_modules/@foundry-rs/anvil-darwin-arm64/bin/anvil',
    'node_modules/better-sqlite3/prebuilds/darwin-x64.node',
    'node_modules/better-sqlite3/prebuilds/linuxmusl-x64.node',
    'node_modules/better-sqlite3/src/addon.cpp',
    'node_modules/ora/index.d.ts',
    'node_modules/ora/test/index.js',
    'dist/desktop/main.js.map',
    'node_modules/ora/photo.png',
  ];
  const found = unexpectedFiles(
    rejected.map((to) => ({ to })),
    SYSTEM,
  );
  assert.equal(found.length, rejected.length, found.join('\n'));
});

test('a package for Windows leaves out the files of the linker', async (t) => {
  const windows = { platform: 'win32', arch: 'x64' } as const;
  const modules = await mkdtemp(join(tmpdir(), 'idlewatt-modules-'));
  t.after(() => rm(modules, { recursive: true }));
  for (const name of nativePackages(windows)) {
    const folder = join(modules, name, 'bins', basename(name));
    await mkdir(folder, { recursive: true });
    for (const file of ['llama-addon.lib', 'llama-addon.node', 'llama.dll']) {
      await writeFile(join(folder, file), '');
    }
  }
  const found = nativeFiles(windows, modules).map(({ to }) => basename(to));
  assert.ok(found.includes('llama.dll'));
  assert.ok(!found.includes('llama-addon.lib'));
});

test('every native file can load on a plain desktop', HERE, async () => {
  const native = await readNativeFiles(files.map(({ from }) => from));
  assert.ok(native.length > 30);
  assert.deepEqual(unloadable(native), []);
  assert.match(newestGlibc(native) ?? '', /^2\.\d+$/);
});

test('a library that neither the system nor the folder has is reported', () => {
  const file = (needs: string[], searches: string[]): NativeFile => ({
    path: '/a/x.so',
    needs,
    searches,
    glibc: null,
  });
  const neighbor: NativeFile = { path: '/a/liby.so', needs: [], searches: [], glibc: null };
  assert.equal(unloadable([file(['libcublas.so.13'], ['$ORIGIN'])]).length, 1);
  assert.equal(unloadable([file(['liby.so'], []), neighbor]).length, 1);
  assert.deepEqual(unloadable([file(['liby.so', 'libc.so.6'], ['$ORIGIN']), neighbor]), []);
});

test('the licenses include those of bundled, separate and native parts', HERE, () => {
  const text = thirdPartyLicenses(files);
  for (const name of [
    'react',
    'node-llama-cpp',
    'better-sqlite3',
    '@libp2p/tcp',
    '@fontsource-variable/geist',
  ]) {
    assert.match(text, new RegExp(String.raw`^${name} \d+\.\d+`, 'm'));
  }
  assert.match(text, /^llama\.cpp and ggml/m);
});
